/** What is wrong with options or a file, as people read it. */
import { z } from 'zod';

/** Every issue on one line: `inputs.x[0]: expected number, received string`. */
export function describeIssues(error: z.ZodError): string {
  return error.issues
    .map((issue) => `${z.core.toDotPath(issue.path) || 'options'}: ${issue.message}`)
    .join('; ');
}
