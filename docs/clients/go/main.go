// SPDX-License-Identifier: Apache-2.0

// A client of tripla in Go, and what it is tested by.
//
// client SERVICE_CONFIG HOST:PORT,... COUNT: tries every operation on some keys, and then lets four
// goroutines count to COUNT in one entry. docs/clients.md explains it.
package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"log"
	"math"
	"math/big"
	mathrand "math/rand"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/resolver"
	"google.golang.org/grpc/resolver/manual"
	"google.golang.org/grpc/status"

	triplav1 "tripla/v1"
)

const (
	counter    = 7420
	goroutines = 4
)

func keyBytes(number *big.Int) []byte {
	magnitude := number
	if number.Sign() < 0 {
		magnitude = new(big.Int).Not(number)
	}
	size := magnitude.BitLen()/8 + 1
	if number.Sign() < 0 {
		number = new(big.Int).Add(number, new(big.Int).Lsh(big.NewInt(1), uint(8*size)))
	}
	return number.FillBytes(make([]byte, size))
}

// requestIds numbers the writes of one process, and knows which are unanswered.
type requestIds struct {
	client     []byte
	mutex      sync.Mutex
	next       uint64
	unanswered map[uint64]bool
}

func (ids *requestIds) take() *triplav1.RequestId {
	ids.mutex.Lock()
	defer ids.mutex.Unlock()
	ids.next++
	ids.unanswered[ids.next] = true
	first := ids.next
	for sequence := range ids.unanswered {
		if sequence < first {
			first = sequence
		}
	}
	return &triplav1.RequestId{Client: ids.client, Sequence: ids.next, FirstUnanswered: first}
}

func (ids *requestIds) answered(id *triplav1.RequestId) {
	ids.mutex.Lock()
	defer ids.mutex.Unlock()
	delete(ids.unanswered, id.Sequence)
}

func dial(endpoints []string, serviceConfig string) (*grpc.ClientConn, error) {
	servers := manual.NewBuilderWithScheme("tripla")
	var addresses []resolver.Address
	for _, endpoint := range endpoints {
		addresses = append(addresses, resolver.Address{Addr: endpoint})
	}
	servers.InitialState(resolver.State{Addresses: addresses})
	waits := backoff.Config{BaseDelay: 50 * time.Millisecond, Multiplier: 1.6, Jitter: 0.2,
		MaxDelay: time.Second}
	return grpc.Dial("tripla:///",
		grpc.WithResolvers(servers),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultServiceConfig(serviceConfig),
		grpc.WithDefaultCallOptions(
			grpc.MaxCallRecvMsgSize(math.MaxInt32), grpc.MaxCallSendMsgSize(math.MaxInt32)),
		grpc.WithKeepaliveParams(keepalive.ClientParameters{
			Time: 10 * time.Second, Timeout: 2 * time.Second, PermitWithoutStream: true}),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: waits, MinConnectTimeout: 3 * time.Second}))
}

// undecided is what the server says about a write that it did not answer.
func undecided(err error) *triplav1.Undecided {
	for _, detail := range status.Convert(err).Details() {
		if said, ok := detail.(*triplav1.Undecided); ok {
			return said
		}
	}
	return &triplav1.Undecided{}
}

// advice is how long the server advises to wait; negative when it does not advise to come back.
func advice(trailer metadata.MD) time.Duration {
	values := trailer.Get("grpc-retry-pushback-ms")
	if len(values) == 0 {
		return -1
	}
	milliseconds, err := strconv.Atoi(values[0])
	if err != nil {
		return -1
	}
	return time.Duration(milliseconds) * time.Millisecond
}

// between draws a wait between half of `wait` and all of it.
func between(wait time.Duration) time.Duration {
	return wait/2 + time.Duration(mathrand.Int63n(int64(wait/2)))
}

// send sends a read, or a write with a request id, until it is answered.
func send(id *triplav1.RequestId,
	call func(context.Context, ...grpc.CallOption) (*triplav1.Reply, error)) (*triplav1.Reply, error) {
	deadline := time.Now().Add(time.Minute)
	wait := 20 * time.Millisecond
	attempt := uint32(1)
	for {
		if id != nil {
			id.Attempt = attempt
		}
		var trailer metadata.MD
		limit := time.Now().Add(5 * time.Second)
		if deadline.Before(limit) {
			limit = deadline
		}
		ctx, cancel := context.WithDeadline(context.Background(), limit)
		reply, err := call(ctx, grpc.Trailer(&trailer))
		cancel()
		if err == nil {
			return reply, nil
		}
		pause := between(wait)
		again := false
		switch status.Code(err) {
		case codes.Unavailable, codes.Canceled, codes.DeadlineExceeded:
			again = true
		}
		if advised := advice(trailer); advised >= 0 {
			again = true
			if advised > pause {
				pause = advised
			}
		}
		applied := undecided(err).Applied
		if !again || applied == triplav1.Undecided_YES || time.Now().Add(pause).After(deadline) {
			return nil, err
		}
		if applied != triplav1.Undecided_NO {
			attempt++ // this one may have arrived
		}
		time.Sleep(pause)
		if wait *= 2; wait > time.Second {
			wait = time.Second
		}
	}
}

type client struct {
	stub triplav1.KeyValueClient
	ids  requestIds
}

func (c *client) get(key *big.Int) (*triplav1.Reply, error) {
	request := &triplav1.GetRequest{Key: keyBytes(key)}
	return send(nil, func(ctx context.Context, o ...grpc.CallOption) (*triplav1.Reply, error) {
		return c.stub.Get(ctx, request, o...)
	})
}

// write sends a write; its id stays unanswered after an error, and may be asked about later.
func (c *client) write(id *triplav1.RequestId,
	call func(context.Context, ...grpc.CallOption) (*triplav1.Reply, error)) (*triplav1.Reply, error) {
	reply, err := send(id, call)
	if err == nil {
		c.ids.answered(id)
	}
	return reply, err
}

func (c *client) set(key *big.Int, timestamp int64, data string) (*triplav1.Reply, error) {
	id := c.ids.take()
	request := &triplav1.SetRequest{
		Key: keyBytes(key), Timestamp: timestamp, Data: []byte(data), RequestId: id}
	return c.write(id, func(ctx context.Context, o ...grpc.CallOption) (*triplav1.Reply, error) {
		return c.stub.Set(ctx, request, o...)
	})
}

func (c *client) cas(key *big.Int, timestamp int64, data string, version int64,
	ifRevision uint64) (*triplav1.Reply, error) {
	id := c.ids.take()
	request := &triplav1.TestAndSetRequest{Key: keyBytes(key), Version: version, IfRevision: ifRevision,
		Value: &triplav1.Triple{Timestamp: timestamp, Data: []byte(data)}, RequestId: id}
	return c.write(id, func(ctx context.Context, o ...grpc.CallOption) (*triplav1.Reply, error) {
		return c.stub.TestAndSet(ctx, request, o...)
	})
}

func (c *client) del(key *big.Int) (*triplav1.Reply, error) {
	id := c.ids.take()
	request := &triplav1.DelRequest{Key: keyBytes(key), RequestId: id}
	return c.write(id, func(ctx context.Context, o ...grpc.CallOption) (*triplav1.Reply, error) {
		return c.stub.Del(ctx, request, o...)
	})
}

// update replaces the data of an entry by decide(data); it decides again if the entry has changed.
func (c *client) update(key *big.Int, decide func(string) string) (*triplav1.Reply, error) {
	stored, err := c.get(key)
	wait := time.Millisecond
	for err == nil {
		var reply *triplav1.Reply
		reply, err = c.cas(key, 0, decide(string(stored.GetValue().GetData())),
			stored.GetValue().GetVersion(), stored.Revision)
		if err == nil && reply.Result != triplav1.Result_ERROR_WV {
			return reply, nil
		}
		stored = reply
		time.Sleep(between(wait))
		if wait *= 2; wait > 64*time.Millisecond {
			wait = 64 * time.Millisecond
		}
	}
	return nil, err
}

func expect(isSo bool, what string, key *big.Int) {
	if !isSo {
		log.Fatalf("client: %s %v", what, key)
	}
}

func must(reply *triplav1.Reply, err error) *triplav1.Reply {
	if err != nil {
		log.Fatalf("client: %v (applied %v)", err, undecided(err).Applied)
	}
	return reply
}

func tryOperations(c *client, key *big.Int) {
	text := key.String()
	expect(must(c.set(key, -5, text)).Result == triplav1.Result_SUCCESS, "set", key)
	again := must(c.set(key, 1, "other"))
	expect(again.Result == triplav1.Result_ERROR && string(again.Value.Data) == text, "set again", key)
	got := must(c.get(key)).Value
	expect(got.Version == 1 && got.Timestamp == -5 && string(got.Data) == text, "get", key)
	expect(string(must(c.cas(key, 2, "new", 1, 0)).Value.Data) == text, "cas", key)
	late := must(c.cas(key, 2, "newer", 1, 0))
	expect(late.Result == triplav1.Result_ERROR_WV && late.Value.Version == 2, "late cas", key)
	expect(string(must(c.del(key)).Value.Data) == "new", "del", key)
	expect(must(c.get(key)).Value == nil, "get after del", key)
	expect(must(c.set(key, -5, text)).Result == triplav1.Result_SUCCESS, "set anew", key)
}

func count(c *client, target int) int {
	var mutex sync.Mutex
	var all sync.WaitGroup
	done := 0
	for i := 0; i < goroutines; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for i := 0; i < target/goroutines; i++ {
				reply := must(c.update(big.NewInt(counter), func(data string) string {
					number, _ := strconv.Atoi(data)
					return strconv.Itoa(number + 1)
				}))
				expect(reply.Result == triplav1.Result_SUCCESS, "an increment of", big.NewInt(counter))
				mutex.Lock()
				if done++; done%(target/10) == 0 {
					fmt.Println("counted", done)
				}
				mutex.Unlock()
			}
		}()
	}
	all.Wait()
	return done
}

func main() {
	serviceConfig, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	connection, err := dial(strings.Split(os.Args[2], ","), string(serviceConfig))
	if err != nil {
		log.Fatal(err)
	}
	c := &client{stub: triplav1.NewKeyValueClient(connection),
		ids: requestIds{client: make([]byte, 16), unanswered: map[uint64]bool{}}}
	if _, err := rand.Read(c.ids.client); err != nil {
		log.Fatal(err)
	}
	for _, text := range []string{"0", "1", "127", "128", "255", "256", "-1", "-128", "-129",
		"18446744073709551616"} {
		key, _ := new(big.Int).SetString(text, 10)
		tryOperations(c, key)
	}
	must(c.set(big.NewInt(counter), 0, "0"))
	target, err := strconv.Atoi(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	done := count(c, target)
	stored := must(c.get(big.NewInt(counter))).Value
	fmt.Println("done", done, "stored", string(stored.Data), "version", stored.Version)
}
