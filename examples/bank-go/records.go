package main

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"log"
	"math/big"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"
	"google.golang.org/protobuf/proto"

	"codepix.example/bank/pb"
)

const (
	// The topics take batches of at most 32 KiB, and none that is compressed.
	batchBytesMax = 30 << 10
	fetchWait     = 50 * time.Millisecond
)

// FromHub is what the messages of the hub have in common.
type FromHub interface {
	proto.Message
	GetEndToEndId() string
	GetAmountCentavos() int64
	GetPayer() *pb.Party
	GetPayee() *pb.Party
	GetPayeeKey() *pb.PixKey
	GetDescription() string
	GetInitiation() pb.Initiation
	GetTxid() string
}

// ToHub is a message of the bank.
type ToHub interface {
	proto.Message
	GetEndToEndId() string
}

func digest(key, value []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(value)
	return mac.Sum(nil)
}

// sign covers topic, type and value, each preceded by its length.
func (b *Bank) sign(topic, kind string, value []byte) []byte {
	var signed []byte
	for _, part := range [][]byte{[]byte(topic), []byte(kind), value} {
		signed = binary.BigEndian.AppendUint32(signed, uint32(len(part)))
		signed = append(signed, part...)
	}
	return digest(b.signingKey, signed)
}

// read returns the message in a record of the hub, and an error for any other record.
func (b *Bank) read(record *kgo.Record) (FromHub, error) {
	if err := checkRecord(record); err != nil {
		return nil, err
	}
	headers := map[string][]byte{}
	for _, header := range record.Headers {
		headers[header.Key] = header.Value
	}
	kind := string(headers["codepix-type"])
	if string(headers["codepix-sender"]) != "hub" || !hmac.Equal(headers["codepix-signature"], b.sign(b.topic, kind, record.Value)) {
		return nil, errors.New("codepix-signature: not the hub's signature of this record")
	}
	var message FromHub
	switch kind {
	case "TransferOffered":
		message = &pb.TransferOffered{}
	case "TransferConfirmed":
		message = &pb.TransferConfirmed{}
	case "TransferFailed":
		message = &pb.TransferFailed{}
	default:
		return nil, fmt.Errorf("codepix-type: %.60q is not for this bank", kind)
	}
	if err := proto.Unmarshal(record.Value, message); err != nil {
		return nil, err
	}
	if string(record.Key) != message.GetEndToEndId() || !isEndToEndID(message.GetEndToEndId()) {
		return nil, errors.New("record key: must be the end-to-end id")
	}
	return message, nil
}

// Broker is the bank's client of Kafka.
type Broker struct{ *kgo.Client }

func Connect(servers, code string) (Broker, error) {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(strings.Split(servers, ",")...), kgo.ClientID("bank-"+code), kgo.AllowAutoTopicCreation(),
		kgo.ProducerBatchMaxBytes(batchBytesMax), kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.RecordDeliveryTimeout(10*time.Second), kgo.FetchMaxWait(fetchWait),
		kgo.MetadataMinAge(250*time.Millisecond),
		// The oldest protocol with all that the bank needs: the network's embedded broker speaks it as well.
		kgo.MaxVersions(kversion.V2_3_0()),
	)
	return Broker{client}, err
}

// publish sends without waiting: what gets lost is still owed, and is sent again.
func (b *Bank) publish(messages ...ToHub) {
	for _, message := range messages {
		kind := string(message.ProtoReflect().Descriptor().Name())
		value, err := proto.Marshal(message)
		if err != nil {
			log.Fatalf("%s: %v", kind, err)
		}
		record := &kgo.Record{Topic: hubTopic, Key: []byte(message.GetEndToEndId()), Value: value, Headers: []kgo.RecordHeader{
			{Key: "codepix-type", Value: []byte(kind)},
			{Key: "codepix-sender", Value: []byte(b.ispb)},
			{Key: "codepix-signature", Value: b.sign(hubTopic, kind, value)},
		}}
		b.broker.TryProduce(context.Background(), record, func(_ *kgo.Record, err error) {
			if err != nil {
				log.Printf("%s of %s is not sent: %v", kind, message.GetEndToEndId(), err)
			}
		})
	}
}

// consume decides on the records of the bank's topic. Decisions and the places in the topic are stored together, and
// then the answers go out.
func (b *Bank) consume(ctx context.Context) error {
	partitions, err := b.partitions(ctx)
	if err != nil {
		return err
	}
	b.broker.AddConsumePartitions(map[string]map[int32]kgo.Offset{b.topic: partitions})
	b.reading.Store(true)
	for {
		fetches := b.broker.PollFetches(ctx)
		if ctx.Err() != nil {
			return nil
		}
		fetches.EachError(func(_ string, partition int32, err error) { log.Printf("partition %d: %v", partition, err) })
		b.take(fetches.Records())
	}
}

func (b *Bank) take(records []*kgo.Record) {
	var answers []ToHub
	b.books.Lock()
	for _, record := range records {
		message, err := b.read(record)
		var answer ToHub
		if err == nil {
			answer, err = b.decide(message)
		}
		if err != nil {
			log.Printf("dead letter at %d:%d: %.400v", record.Partition, record.Offset, err)
		} else {
			answers = append(answers, answer)
		}
		b.books.Add(Change{Place: &Place{record.Partition, record.Offset + 1}})
	}
	b.books.Store()
	b.books.Unlock()
	b.publish(answers...)
}

// partitions tells from where to read each partition of the bank's topic, once the topic is there.
func (b *Bank) partitions(ctx context.Context) (map[int32]kgo.Offset, error) {
	request := kmsg.NewPtrMetadataRequest()
	topic := kmsg.NewMetadataRequestTopic()
	topic.Topic = kmsg.StringPtr(b.topic)
	request.Topics, request.AllowAutoTopicCreation = []kmsg.MetadataRequestTopic{topic}, true
	for ctx.Err() == nil {
		found := map[int32]kgo.Offset{}
		response, err := request.RequestWith(ctx, b.broker.Client)
		if err != nil {
			log.Printf("the broker: %v", err)
		} else {
			for _, partition := range response.Topics[0].Partitions {
				found[partition.Partition] = kgo.NewOffset().At(b.books.places[partition.Partition])
			}
		}
		if len(found) > 0 {
			return found, nil
		}
		wait(ctx, sweep)
	}
	return nil, ctx.Err()
}

// resendOwed sends what the hub has not answered, with pauses that double.
func (b *Bank) resendOwed(ctx context.Context) {
	for ctx.Err() == nil {
		var messages []ToHub
		b.books.Lock()
		now := time.Now()
		for _, one := range b.books.undecided {
			if one.due.After(now) {
				continue
			}
			messages = append(messages, b.owed(one.transfer))
			one.pause = min(max(one.pause*2, b.resendFirst), b.resendCap)
			one.due = now.Add(one.pause - time.Duration(randomBelow(int64(one.pause)/4+1)))
		}
		b.books.Unlock()
		b.publish(messages...)
		wait(ctx, sweep)
	}
}

func randomBelow(limit int64) int64 {
	number, err := rand.Int(rand.Reader, big.NewInt(limit))
	if err != nil {
		log.Fatal(err)
	}
	return number.Int64()
}

func randomID() string {
	bytes := make([]byte, 16)
	if _, err := rand.Read(bytes); err != nil {
		log.Fatal(err)
	}
	return hex.EncodeToString(bytes)
}
