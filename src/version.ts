import packageJson from '../package.json' with { type: 'json' };

/** This build's, of package.json: a semantic version. */
export const version: string = packageJson.version;
