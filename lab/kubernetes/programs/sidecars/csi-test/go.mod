// Replaces csi-test for external-snapshot-metadata, whose program contains its test harness. The harness is made for mocks of CSI 1.12,
// the other sidecars are for CSI 1.13; nothing calls it.
module github.com/kubernetes-csi/csi-test/v5

go 1.26.0
