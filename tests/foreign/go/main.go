// A function of aws-lambda-go that does what its event asks; see ../acts.md.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type Act struct {
	Act   string          `json:"act"`
	Value json.RawMessage `json:"value"`
	Port  int             `json:"port"`
	N     int             `json:"n"`
}

// Its name is the error's type.
type OrderInvalid struct{ message string }

func (e OrderInvalid) Error() string { return e.message }

type startedWith struct{}

var calls atomic.Int64

func report(ctx context.Context) any {
	context, _ := lambdacontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	trace, _ := ctx.Value("x-amzn-trace-id").(string)
	return map[string]any{
		"calls": calls.Load(), "pid": os.Getpid(), "option": ctx.Value(startedWith{}),
		"request_id": context.AwsRequestID, "arn": context.InvokedFunctionArn, "tenant": context.TenantID,
		"remaining_ms": time.Until(deadline).Milliseconds(), "trace": trace,
		"client": context.ClientContext.Client.InstallationID, "custom": context.ClientContext.Custom,
		"name": lambdacontext.FunctionName, "version": lambdacontext.FunctionVersion,
		"memory": lambdacontext.MemoryLimitInMB,
		"group":  lambdacontext.LogGroupName, "stream": lambdacontext.LogStreamName,
	}
}

// For as long as the test holds the connection.
func wait(port int) {
	connection, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err == nil {
		io.ReadAll(connection)
		connection.Close()
	}
}

// The first part, and behind a wait the second, or an error.
func stream(act Act) io.Reader {
	reader, writer := io.Pipe()
	go func() {
		writer.Write([]byte("first,"))
		wait(act.Port)
		if act.Act == "break" {
			writer.CloseWithError(OrderInvalid{"it broke"})
			return
		}
		writer.Write([]byte("second"))
		writer.Close()
	}()
	return reader
}

func handle(ctx context.Context, act Act) (any, error) {
	calls.Add(1)
	switch act.Act {
	case "report":
		return report(ctx), nil
	case "echo":
		return act.Value, nil
	case "fail":
		return nil, OrderInvalid{strings.Repeat("no tea ", act.N)}
	case "panic":
		panic("no coffee")
	case "exit":
		os.Exit(act.N)
	case "wait":
		wait(act.Port)
		return report(ctx), nil
	case "stream", "break":
		return stream(act), nil
	}
	return nil, errors.New("no act " + act.Act)
}

func main() {
	lambda.StartWithOptions(handle,
		lambda.WithContextValue(startedWith{}, "a value"),
		lambda.WithSetEscapeHTML(false),
		lambda.WithEnableSIGTERM(func() {
			fmt.Println("the function hears SIGTERM")
			os.Exit(0)
		}))
}
