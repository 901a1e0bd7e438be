/** The updates of test/ota, 500 of them. */
process.env.CUTPOINT_OTA_UPDATES ??= '500';
await import('../ota/updates.test.ts');
