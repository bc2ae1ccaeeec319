// Package driver has what the harness of external-snapshot-metadata needs to compile.
package driver

import "net"

type (
	CSIDriver                  struct{}
	CSIDriverServers           struct{ Identity, SnapshotMetadata any }
	MockCSIDriver              struct{}
	MockCSIDriverServers       struct{ Identity, SnapshotMetadata any }
	MockIdentityServer         struct{}
	MockSnapshotMetadataServer struct{}
)

func NewCSIDriver(*CSIDriverServers) *CSIDriver                     { return nil }
func NewMockCSIDriver(*MockCSIDriverServers) *MockCSIDriver         { return nil }
func NewMockIdentityServer(any) *MockIdentityServer                 { return nil }
func NewMockSnapshotMetadataServer(any) *MockSnapshotMetadataServer { return nil }
func (*CSIDriver) Start(net.Listener) error                         { return nil }
func (*CSIDriver) Stop()                                            {}
func (*MockCSIDriver) Address() string                              { return "" }
func (*MockCSIDriver) Start() error                                 { return nil }
func (*MockCSIDriver) Stop()                                        {}
