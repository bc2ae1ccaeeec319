import packageJson from '../package.json' with { type: 'json' };

/** The version of this build, from package.json: a semantic version. */
export const version: string = packageJson.version;
