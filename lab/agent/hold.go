package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"syscall"
)

// hold is the first process of a lab's namespaces. Whoever opened the lab holds the other end of stdin; however that
// process ends, the pipe ends with it, and with the pipe every guest. Should this process be killed itself, the kernel
// does the same for it, and only the folder remains.
func hold(folder string) {
	listener, err := net.Listen("unix", filepath.Join(folder, "host.sock"))
	if err != nil {
		fail(err.Error())
	}
	go accept(listener, takeOrder)
	fmt.Println("ready")
	io.Copy(io.Discard, os.Stdin)
	listener.Close()
	killAll()
	// Guests mount in namespaces of their own that are gone by now: there is nothing of the host's below the folder.
	if err := os.RemoveAll(folder); err != nil {
		fail(err.Error())
	}
}

func killAll() {
	if os.Getpid() != 1 {
		fail("hold must be the first process of a PID namespace")
	}
	syscall.Kill(-1, syscall.SIGKILL)
	for {
		if _, err := syscall.Wait4(-1, nil, 0, nil); err == syscall.ECHILD {
			return
		}
	}
}
