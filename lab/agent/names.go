package main

import (
	"encoding/binary"
	"net"
	"os"
	"strings"
)

const (
	typeA       = 1
	classIN     = 1
	headSize    = 12
	ttlSeconds  = 1
	noSuchName  = 3
	isAnswer    = 0x8400 // a response, authoritative
	wantsRecurs = 0x0100
)

// names answers DNS queries on a UDP address from a file of lines NAME ADDRESS…, which is read for each query: whoever
// writes it tells nobody. A name that it lacks does not exist; the file knows no type but A.
func names(address, file string) {
	socket, err := net.ListenPacket("udp", address)
	if err != nil {
		fail(err.Error())
	}
	query := make([]byte, 512)
	for {
		size, from, err := socket.ReadFrom(query)
		if err != nil {
			fail(err.Error())
		}
		if response := answerName(query[:size], file); response != nil {
			socket.WriteTo(response, from)
		}
	}
}

func answerName(query []byte, file string) []byte {
	name, end := questionOf(query)
	if end == 0 {
		return nil
	}
	addresses, known := lookUp(file, name)
	if binary.BigEndian.Uint16(query[end-4:]) != typeA {
		addresses = nil
	}
	flags := isAnswer | binary.BigEndian.Uint16(query[2:])&wantsRecurs
	if !known {
		flags |= noSuchName
	}
	response := binary.BigEndian.AppendUint16(nil, binary.BigEndian.Uint16(query))
	for _, value := range []uint16{flags, 1, uint16(len(addresses)), 0, 0} {
		response = binary.BigEndian.AppendUint16(response, value)
	}
	response = append(response, query[headSize:end]...)
	for _, address := range addresses {
		// 0xc00c points at the name of the question.
		for _, value := range []uint16{0xc00c, typeA, classIN, 0, ttlSeconds, net.IPv4len} {
			response = binary.BigEndian.AppendUint16(response, value)
		}
		response = append(response, address...)
	}
	return response
}

// questionOf answers the first question's name and where the question ends; 0 for what is no query.
func questionOf(query []byte) (string, int) {
	labels := []string{}
	at := headSize
	for at < len(query) && query[at] != 0 {
		next := at + 1 + int(query[at])
		if next >= len(query) {
			return "", 0
		}
		labels = append(labels, string(query[at+1:next]))
		at = next
	}
	if at+5 > len(query) {
		return "", 0
	}
	return strings.ToLower(strings.Join(labels, ".")), at + 5
}

func lookUp(file, name string) (addresses []net.IP, known bool) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, false
	}
	for _, line := range strings.Split(string(text), "\n") {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] != name {
			continue
		}
		for _, word := range words[1:] {
			if address := net.ParseIP(word).To4(); address != nil {
				addresses = append(addresses, address)
			}
		}
		return addresses, true
	}
	return nil, false
}
