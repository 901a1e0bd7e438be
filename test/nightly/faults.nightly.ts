/** The faults of test/faults, over a thousand requests each. */
process.env.CUTPOINT_FAULT_REQUESTS ??= '1000';
await import('../faults/lost-messages.test.ts');
await import('../faults/outages.test.ts');
