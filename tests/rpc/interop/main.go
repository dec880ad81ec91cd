// SPDX-License-Identifier: Apache-2.0

// Runs the interoperability cases of gRPC's Go module against HOST:PORT. A case that fails ends the
// program.
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/interop"
	testing "google.golang.org/grpc/interop/grpc_testing"
)

func main() {
	connection, err := grpc.NewClient(os.Args[1], grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	service := testing.NewTestServiceClient(connection)
	unimplemented := testing.NewUnimplementedServiceClient(connection)
	ctx := context.Background()
	cases := []struct {
		name string
		run  func()
	}{
		{"empty_unary", func() { interop.DoEmptyUnaryCall(ctx, service) }},
		{"large_unary", func() { interop.DoLargeUnaryCall(ctx, service) }},
		{"client_streaming", func() { interop.DoClientStreaming(ctx, service) }},
		{"server_streaming", func() { interop.DoServerStreaming(ctx, service) }},
		{"ping_pong", func() { interop.DoPingPong(ctx, service) }},
		{"empty_stream", func() { interop.DoEmptyStream(ctx, service) }},
		{"timeout_on_sleeping_server", func() { interop.DoTimeoutOnSleepingServer(ctx, service) }},
		{"cancel_after_begin", func() { interop.DoCancelAfterBegin(ctx, service) }},
		{"cancel_after_first_response", func() { interop.DoCancelAfterFirstResponse(ctx, service) }},
		{"custom_metadata", func() { interop.DoCustomMetadata(ctx, service) }},
		{"status_code_and_message", func() { interop.DoStatusCodeAndMessage(ctx, service) }},
		{"special_status_message", func() { interop.DoSpecialStatusMessage(ctx, service) }},
		{"unimplemented_method", func() { interop.DoUnimplementedMethod(ctx, connection) }},
		{"unimplemented_service", func() { interop.DoUnimplementedService(ctx, unimplemented) }},
	}
	for _, each := range cases {
		each.run()
		fmt.Println("passed", each.name)
	}
}
