package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"sync"
	"time"

	"codepix.example/bank/pb"
)

// The accounts of the bank itself; no customer's number begins with an asterisk.
const (
	clearing   = "*clearing"
	settlement = "*settlement"
	equity     = "*equity"
)

type Account struct {
	Number   string `json:"number"`
	Owner    string `json:"owner"`
	Document string `json:"document"`
}

// Posting moves money from one account to another.
type Posting struct {
	ID            int    `json:"id"`
	TransferID    string `json:"transfer_id"`
	Kind          string `json:"kind"`
	Debit, Credit string
	Centavos      int64 `json:"centavos"`
	At            int64 `json:"at"`
}

// Transfer is one side of a transfer, and the outbox of what the bank owes the hub for it.
type Transfer struct {
	ID             string  `json:"id"`
	Side           pb.Side `json:"side"`
	Status         Status  `json:"status"`
	Reason         string  `json:"reason"`
	Centavos       int64   `json:"centavos"`
	Account        string  `json:"account"`
	Content        string  `json:"content"`
	Request        []byte  `json:"request,omitempty"`
	IdempotencyKey string  `json:"idempotency_key,omitempty"`
}

type Status string

const (
	Pending   Status = "pending"
	Accepted  Status = "accepted"
	Rejected  Status = "rejected"
	Confirmed Status = "confirmed"
	Failed    Status = "failed"
)

func (s Status) isFinal() bool { return s == Confirmed || s == Failed }

// Place is where the bank reads on in a partition of its topic.
type Place struct {
	Partition int32 `json:"partition"`
	Next      int64 `json:"next"`
}

// Change is a part of a transaction: one of its fields is set.
type Change struct {
	Account  *Account  `json:"account,omitempty"`
	Posting  *Posting  `json:"posting,omitempty"`
	Transfer *Transfer `json:"transfer,omitempty"`
	Place    *Place    `json:"place,omitempty"`
}

type sideOf struct {
	id   string
	side pb.Side
}

type orderOf struct{ account, key string }

type outgoing struct {
	transfer *Transfer
	due      time.Time
	pause    time.Duration
}

// Books are a journal: a line is a transaction, and what is in memory is what all lines together say. Each reader and
// writer holds the lock.
type Books struct {
	sync.Mutex
	file      *os.File
	unwritten bytes.Buffer

	numbers   []string
	accounts  map[string]*Account
	balances  map[string]int64
	postings  map[string][]*Posting
	count     int
	transfers map[sideOf]*Transfer
	orders    map[orderOf]*Transfer
	undecided map[sideOf]*outgoing
	places    map[int32]int64

	// After which time an unanswered message is sent again; 0 while the journal is read, so that it is sent at once.
	resendFirst time.Duration
}

// OpenBooks reads the journal. A crash may have left a part of a last line, whose transaction was not answered: it is cut off.
func OpenBooks(path string, resendFirst time.Duration) (*Books, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	books := &Books{
		file: file, accounts: map[string]*Account{}, balances: map[string]int64{}, postings: map[string][]*Posting{},
		transfers: map[sideOf]*Transfer{}, orders: map[orderOf]*Transfer{}, undecided: map[sideOf]*outgoing{}, places: map[int32]int64{},
	}
	reader, whole := bufio.NewReader(file), int64(0)
	for {
		line, err := reader.ReadBytes('\n')
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		var changes []Change
		if err := json.Unmarshal(line, &changes); err != nil {
			return nil, fmt.Errorf("%s at byte %d: %w", path, whole, err)
		}
		books.apply(changes)
		whole += int64(len(line))
	}
	if err := file.Truncate(whole); err != nil {
		return nil, err
	}
	books.resendFirst = resendFirst
	_, err = file.Seek(whole, io.SeekStart)
	return books, err
}

// Add notes a transaction, which counts for others once it is stored.
func (b *Books) Add(changes ...Change) {
	b.apply(changes)
	line, err := json.Marshal(changes)
	if err != nil {
		log.Fatalf("the journal: %v", err)
	}
	b.unwritten.Write(append(line, '\n'))
}

// Store makes durable what was added. Where that fails the process ends, because memory is ahead of the file.
func (b *Books) Store() {
	if b.unwritten.Len() == 0 {
		return
	}
	if _, err := b.unwritten.WriteTo(b.file); err != nil {
		log.Fatalf("the journal: %v", err)
	}
	if err := b.file.Sync(); err != nil {
		log.Fatalf("the journal: %v", err)
	}
}

func (b *Books) apply(changes []Change) {
	for _, change := range changes {
		if account := change.Account; account != nil {
			b.accounts[account.Number] = account
			b.numbers = append(b.numbers, account.Number)
		}
		if posting := change.Posting; posting != nil {
			b.count++
			posting.ID = b.count
			b.balances[posting.Debit] -= posting.Centavos
			b.balances[posting.Credit] += posting.Centavos
			b.postings[posting.Debit] = append(b.postings[posting.Debit], posting)
			b.postings[posting.Credit] = append(b.postings[posting.Credit], posting)
		}
		if transfer := change.Transfer; transfer != nil {
			key := sideOf{transfer.ID, transfer.Side}
			b.transfers[key] = transfer
			if transfer.IdempotencyKey != "" {
				b.orders[orderOf{transfer.Account, transfer.IdempotencyKey}] = transfer
			}
			if transfer.Status.isFinal() {
				delete(b.undecided, key)
			} else {
				b.undecided[key] = &outgoing{transfer, time.Now().Add(b.resendFirst), b.resendFirst}
			}
		}
		if place := change.Place; place != nil {
			b.places[place.Partition] = place.Next
		}
	}
}

// posting is a change that moves money.
func posting(transferID, kind, debit, credit string, centavos int64) Change {
	return Change{Posting: &Posting{
		TransferID: transferID, Kind: kind, Debit: debit, Credit: credit, Centavos: centavos, At: time.Now().UnixMilli(),
	}}
}
