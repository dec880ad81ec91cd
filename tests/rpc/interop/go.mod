module tripla/interop

go 1.22

require google.golang.org/grpc v1.68.0
