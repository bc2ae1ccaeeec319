// Shell runs on a node what Kubernetes' tests tell it over SSH. It asks for no key: the lab's network is private.
package main

import (
	"crypto/ed25519"
	"errors"
	"log"
	"net"
	"os"
	"os/exec"

	"golang.org/x/crypto/ssh"
)

func main() {
	_, key, err := ed25519.GenerateKey(nil)
	must(err)
	signer, err := ssh.NewSignerFromKey(key)
	must(err)
	config := &ssh.ServerConfig{NoClientAuth: true}
	config.AddHostKey(signer)
	listener, err := net.Listen("tcp", os.Args[1])
	must(err)
	for {
		connection, err := listener.Accept()
		must(err)
		go serve(connection, config)
	}
}

func serve(connection net.Conn, config *ssh.ServerConfig) {
	server, channels, requests, err := ssh.NewServerConn(connection, config)
	if err != nil {
		log.Print(err)
		return
	}
	defer server.Close()
	go ssh.DiscardRequests(requests)
	for opened := range channels {
		if opened.ChannelType() != "session" {
			_ = opened.Reject(ssh.UnknownChannelType, "sessions only")
			continue
		}
		channel, requests, err := opened.Accept()
		if err != nil {
			log.Print(err)
			return
		}
		go session(channel, requests)
	}
}

// session runs the one command of a session and tells its exit code.
func session(channel ssh.Channel, requests <-chan *ssh.Request) {
	defer channel.Close()
	for request := range requests {
		var order struct{ Command string }
		isOrder := request.Type == "exec" && ssh.Unmarshal(request.Payload, &order) == nil
		_ = request.Reply(isOrder, nil)
		if !isOrder {
			continue
		}
		command := exec.Command("sh", "-c", order.Command)
		command.Stdout, command.Stderr = channel, channel.Stderr()
		status := struct{ Code uint32 }{}
		if err := command.Run(); err != nil {
			status.Code = 255
			var failed *exec.ExitError
			if errors.As(err, &failed) && failed.ExitCode() > 0 {
				status.Code = uint32(failed.ExitCode())
			}
		}
		_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(status))
		return
	}
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
