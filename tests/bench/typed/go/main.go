// The same as typed_bench.cc with encoding/json and aws-lambda-go's events.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

type Item struct {
	Sku      string   `json:"sku"`
	Title    string   `json:"title"`
	Quantity int      `json:"quantity"`
	Price    float64  `json:"price"`
	Gift     bool     `json:"gift"`
	Tags     []string `json:"tags"`
}

type Order struct {
	ID       string  `json:"id"`
	Customer string  `json:"customer"`
	Note     *string `json:"note"`
	Items    []Item  `json:"items"`
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func measure(rounds int, work func()) {
	times := make([]int64, rounds)
	for i := range times {
		start := time.Now()
		work()
		times[i] = time.Since(start).Nanoseconds()
	}
	sort.Slice(times, func(a, b int) bool { return times[a] < times[b] })
	fmt.Println(times[rounds/2])
}

func main() {
	event, err := os.ReadFile(os.Args[2])
	check(err)
	rounds, err := strconv.Atoi(os.Args[3])
	check(err)
	bytes := 0
	if os.Args[1] == "sqs" {
		measure(rounds, func() {
			var batch events.SQSEvent
			check(json.Unmarshal(event, &batch))
			for _, message := range batch.Records {
				bytes += len(message.Body)
			}
		})
	} else {
		measure(rounds, func() {
			var order Order
			check(json.Unmarshal(event, &order))
			out, err := json.Marshal(&order)
			check(err)
			bytes += len(out)
		})
	}
	if bytes == 0 {
		panic("nothing read")
	}
}
