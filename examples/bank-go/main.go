// The smallest bank that is right: it joins the network, pays, is paid, and has every centavo right after any crash.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"

	"codepix.example/bank/pb"
)

const (
	hubTopic  = "codepix.hub.v1"
	branch    = "0001"
	amountMax = 99_999_999_999

	accountsMax  = 1_000
	bodyBytesMax = 64 << 10
	callTimeout  = 5 * time.Second
	heartbeat    = 4 * time.Second
	sweep        = 100 * time.Millisecond
)

// Bank is what one process of the bank holds.
type Bank struct {
	code, ispb, name, secret string
	topic, instance          string
	signingKey               []byte
	resendFirst, resendCap   time.Duration

	books     *Books
	broker    Broker
	directory pb.DirectoryServiceClient
	network   pb.ParticipantServiceClient

	joined, reading atomic.Bool
}

func main() {
	log.SetFlags(log.LstdFlags | log.Lmicroseconds)
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	bank := &Bank{
		code: os.Getenv("BANK_CODE"), ispb: os.Getenv("BANK_ISPB"), name: os.Getenv("BANK_NAME"), secret: os.Getenv("BANK_SECRET"),
		topic: fmt.Sprintf("codepix.bank.%s.v1", os.Getenv("BANK_CODE")), instance: randomID(),
		resendFirst: seconds("RESEND_FIRST_SECONDS", 5), resendCap: seconds("RESEND_CAP_SECONDS", 60),
	}
	bank.signingKey = digest([]byte(bank.secret), []byte("codepix/v1/kafka-signing"))

	var err error
	if bank.books, err = OpenBooks(filepath.Join(os.Getenv("DATA_DIR"), "journal.jsonl"), bank.resendFirst); err != nil {
		return err
	}
	reconnect := backoff.Config{BaseDelay: 100 * time.Millisecond, Multiplier: 1.6, MaxDelay: time.Second}
	connection, err := grpc.NewClient(os.Getenv("HUB_GRPC_ADDRESS"),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithConnectParams(grpc.ConnectParams{Backoff: reconnect}),
		grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
	if err != nil {
		return err
	}
	bank.directory, bank.network = pb.NewDirectoryServiceClient(connection), pb.NewParticipantServiceClient(connection)
	if bank.broker, err = Connect(os.Getenv("KAFKA_BOOTSTRAP_SERVERS"), bank.code); err != nil {
		return err
	}

	server := &http.Server{
		Addr: os.Getenv("HTTP_HOST") + ":" + os.Getenv("HTTP_PORT"), Handler: bank.contract(), ReadTimeout: 10 * time.Second,
	}
	failed := make(chan error, 2)
	go func() { failed <- server.ListenAndServe() }()
	go func() { failed <- bank.consume(ctx) }()
	go bank.keepInTouch(ctx)
	go bank.resendOwed(ctx)

	select {
	case err := <-failed:
		if ctx.Err() == nil {
			return err
		}
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	_, leaving := bank.network.LeaveNetwork(bank.signIn(last), &pb.LeaveNetworkRequest{Instance: bank.instance})
	return errors.Join(server.Shutdown(last), ignored(leaving))
}

// keepInTouch joins the network, and then sends heartbeats.
func (b *Bank) keepInTouch(ctx context.Context) {
	for ctx.Err() == nil {
		pause := heartbeat
		if err := b.touch(ctx); err != nil {
			log.Printf("the hub: %v", err)
		}
		if !b.joined.Load() {
			pause = heartbeat / 8
		}
		wait(ctx, pause)
	}
}

func (b *Bank) touch(ctx context.Context) error {
	if !b.joined.Load() {
		joining, cancel := b.call(ctx)
		defer cancel()
		request := &pb.JoinNetworkRequest{Code: b.code, Name: b.name, Color: "#00add8"}
		if _, err := b.network.JoinNetwork(joining, request); err != nil {
			return err
		}
		b.joined.Store(true)
	}
	touching, cancel := b.call(ctx)
	defer cancel()
	_, err := b.network.KeepInTouch(touching, &pb.KeepInTouchRequest{Instance: b.instance, Version: "1"})
	return err
}

// call gives a question to the hub its deadline and the bank's credentials.
func (b *Bank) call(ctx context.Context) (context.Context, context.CancelFunc) {
	limited, cancel := context.WithTimeout(ctx, callTimeout)
	return b.signIn(limited), cancel
}

func (b *Bank) signIn(ctx context.Context) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "codepix-ispb", b.ispb, "codepix-secret", b.secret)
}

func wait(ctx context.Context, pause time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(pause):
	}
}

func seconds(name string, fallback float64) time.Duration {
	if value, err := strconv.ParseFloat(os.Getenv(name), 64); err == nil {
		fallback = value
	}
	return time.Duration(fallback * float64(time.Second))
}

// ignored logs an error that changes nothing: the hub notices a bank that is away.
func ignored(err error) error {
	if err != nil {
		log.Printf("leaving: %v", err)
	}
	return nil
}
