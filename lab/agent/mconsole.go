package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"
)

const (
	mconsoleMagic   = 0xcafebabe
	mconsoleVersion = 2
	mconsoleData    = 512
)

// mconsole gives an order to a guest's kernel, such as `config ubdb=/path`, on the socket User Mode Linux has for that.
func mconsole(socket, words string) error {
	if len(words) >= mconsoleData {
		return errors.New("the words are too long for mconsole")
	}
	// Abstract, hence found by the kernel's answer: it runs in a chroot, where no path of ours leads back to us.
	own := fmt.Sprintf("@mconsole-%d", time.Now().UnixNano())
	connection, err := net.DialUnix("unixgram", &net.UnixAddr{Name: own, Net: "unixgram"}, &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer connection.Close()
	connection.SetDeadline(time.Now().Add(5 * time.Second))

	request := make([]byte, 12+mconsoleData)
	for i, field := range []uint32{mconsoleMagic, mconsoleVersion, uint32(len(words))} {
		binary.NativeEndian.PutUint32(request[4*i:], field)
	}
	copy(request[12:], words)
	if _, err := connection.Write(request); err != nil {
		return err
	}
	answer := make([]byte, 12+mconsoleData)
	n, err := connection.Read(answer)
	if err != nil {
		return err
	}
	if n >= 12 && binary.NativeEndian.Uint32(answer) != 0 {
		return errors.New("mconsole: " + string(bytes.TrimRight(answer[12:n], "\x00\n")))
	}
	return nil
}
