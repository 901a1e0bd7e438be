/** `@cutpoint/sdk/bundle`: signed bundles of models, for those who publish, serve or install them. */
export {
  type Bundle,
  type CreateBundleOptions,
  checkCounter,
  createBundle,
  openBundle,
  signBundle,
  type VerifyBundleOptions,
  verifyPart,
  verifyParts,
} from './bundle/bundle.ts';
export { type BundleCounters, openCounters } from './bundle/counters.ts';
export {
  type BundleHead,
  type BundleManifest,
  type BundlePart,
  decodeManifest,
  encodeManifest,
  MANIFEST_FILE,
  MODEL_PART,
  SIGNATURE_FILE,
} from './bundle/manifest.ts';
export {
  type BundleSignature,
  decodeSignatures,
  encodeSignatures,
  signManifest,
  verifyManifest,
} from './bundle/signature.ts';
export {
  generateSigningKeys,
  readPrivateKey,
  readTrustedKeys,
  type SigningKeyPair,
  type TrustedKey,
} from './bundle/signing-keys.ts';
