package main

import (
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// Frames of a run: a byte for the kind, four for the length, the payload.
const (
	toStdin   = 0 // from the caller: bytes for stdin
	endStdin  = 1 // from the caller: close stdin
	toSignal  = 2 // from the caller: one byte, a signal for the whole process group
	isStarted = 0 // to the caller: {"pid":N}
	isStdout  = 1
	isStderr  = 2
	isExit    = 3 // to the caller, the last one: {"code":N,"signal":N}
)

type frames struct {
	sync.Mutex
	to io.Writer
}

func (f *frames) send(kind byte, payload []byte) error {
	f.Lock()
	defer f.Unlock()
	head := make([]byte, 5, 5+len(payload))
	head[0] = kind
	binary.BigEndian.PutUint32(head[1:], uint32(len(payload)))
	_, err := f.to.Write(append(head, payload...))
	return err
}

func (f *frames) sendJSON(kind byte, value any) {
	payload, _ := json.Marshal(value)
	f.send(kind, payload)
}

type stream struct {
	frames *frames
	kind   byte
}

func (s stream) Write(p []byte) (int, error) { return len(p), s.frames.send(s.kind, p) }

// run starts a program in a process group of its own and lives as long as it does. A caller that goes away takes the
// group with it; what the program itself left in the background stays.
func run(o order, connection net.Conn, reader io.Reader) {
	out := &frames{to: connection}
	if len(o.Argv) == 0 {
		out.sendJSON(isExit, map[string]int{"code": 127})
		return
	}
	command := exec.Command(o.Argv[0], o.Argv[1:]...)
	command.Dir = o.Cwd
	command.Env = append(os.Environ(), o.Env...)
	command.Stdout, command.Stderr = stream{out, isStdout}, stream{out, isStderr}
	// A daemon that inherited the streams must not keep the caller waiting.
	command.WaitDelay = 200 * time.Millisecond
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if o.Isolate {
		// Killing the first process of a PID namespace kills all of it, and Wait returns after the last one is gone.
		command.SysProcAttr.Cloneflags = syscall.CLONE_NEWPID | syscall.CLONE_NEWNS
	}
	stdin, err := command.StdinPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		out.send(isStderr, []byte(err.Error()+"\n"))
		out.sendJSON(isExit, map[string]int{"code": 127})
		return
	}
	out.sendJSON(isStarted, map[string]int{"pid": command.Process.Pid})
	exited := make(chan struct{})
	hungUp := make(chan struct{})
	go func() {
		defer close(hungUp)
		obey(reader, stdin, func(signal syscall.Signal) {
			select {
			case <-exited: // the number may be another group's by now
			default:
				syscall.Kill(-command.Process.Pid, signal)
			}
		})
	}()
	command.Wait()
	close(exited)
	if command.ProcessState == nil {
		return // the lab is ending, and killAll has reaped it
	}
	status := command.ProcessState.Sys().(syscall.WaitStatus)
	result := map[string]int{"code": status.ExitStatus()}
	if status.Signaled() {
		result = map[string]int{"code": 128 + int(status.Signal()), "signal": int(status.Signal())}
	}
	out.sendJSON(isExit, result)
	// Closing first would turn what the caller is just writing into an error, and lose the answer with it.
	<-hungUp
}

func obey(reader io.Reader, stdin io.WriteCloser, kill func(syscall.Signal)) {
	head := make([]byte, 5)
	for {
		if _, err := io.ReadFull(reader, head); err != nil {
			break
		}
		payload := make([]byte, binary.BigEndian.Uint32(head[1:]))
		if _, err := io.ReadFull(reader, payload); err != nil {
			break
		}
		switch head[0] {
		case toStdin:
			stdin.Write(payload)
		case endStdin:
			stdin.Close()
		case toSignal:
			kill(syscall.Signal(payload[0]))
		}
	}
	kill(syscall.SIGKILL)
}
