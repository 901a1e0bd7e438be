/** `@cutpoint/sdk/assets`: the files that a page loads, for build scripts in Node; `cutpoint copy-assets` is the same. */
export { type CopyAssetsOptions, copyAssets } from './assets/copy-assets.ts';
