/** The rogue device of test/security with an hour's worth of attempts: ten a second. */
process.env.CUTPOINT_ROGUE_ATTEMPTS ??= '36000';
await import('../security/rogue-device.test.ts');
