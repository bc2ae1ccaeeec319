/** YAML of thin pools, for `DriverOptions`: each has the name of its disk's last letter, and takes that disk alone. */
export function thinPools({ overprovision }: { readonly overprovision: number }, ...letters: string[]): string {
  return letters
    .map(
      (letter) => `
  - name: ${letter}
    volumeGroup: q${letter}
    type: thin
    disks: { paths: ["/dev/ubd${letter}"] }
    approve: automatic
    thin: { share: 80%, overprovision: ${overprovision} }`,
    )
    .join('');
}
