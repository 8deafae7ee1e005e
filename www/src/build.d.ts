/** What vite.config.ts defines in every script. */

/** True in the page that is one file, which scripts/bundle.mjs builds. */
declare const __ONE_FILE__: boolean;
