/** zod as functions, of which a page loads only those that it calls, with its words in English. */
import * as z from 'zod/mini';

z.config(z.locales.en());

export { z };
