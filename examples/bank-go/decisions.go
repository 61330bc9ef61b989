package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"slices"

	"google.golang.org/protobuf/proto"

	"codepix.example/bank/pb"
)

// content is what all messages about a side of a transfer have in common; the payer's request does not name the payee.
func content(message FromHub, side pb.Side) string {
	initiation := message.GetInitiation()
	if initiation == pb.Initiation_INITIATION_UNSPECIFIED {
		initiation = pb.Initiation_INITIATION_DICT
	}
	payer, key, payee := message.GetPayer(), message.GetPayeeKey(), ""
	if side == pb.Side_SIDE_PAYEE {
		payee = message.GetPayee().GetAccountNumber()
	}
	text, err := json.Marshal([]any{
		payer.GetIspb(), payer.GetBranch(), payer.GetAccountNumber(), key.GetKind(), key.GetKey(),
		message.GetAmountCentavos(), message.GetDescription(), initiation, message.GetTxid(), payee,
	})
	if err != nil {
		log.Fatal(err)
	}
	return string(text)
}

// reasonAgainst is the reason code with which the bank rejects an offer; empty when it accepts.
func (b *Bank) reasonAgainst(offer *pb.TransferOffered) string {
	payee := offer.GetPayee()
	switch {
	case !isFit(offer):
		return "ED05"
	case offer.GetAmountCentavos() < 1 || offer.GetAmountCentavos() > amountMax:
		return "AM09"
	case payee.GetIspb() != b.ispb || payee.GetBranch() != branch || b.books.accounts[payee.GetAccountNumber()] == nil:
		return "AC03"
	}
	return ""
}

// decide changes the books as the hub demands, and returns the bank's answer. After an error nothing has changed.
func (b *Bank) decide(message FromHub) (ToHub, error) {
	var outcome Status
	reason, side := "", pb.Side_SIDE_PAYEE
	switch message := message.(type) {
	case *pb.TransferOffered:
		reason = b.reasonAgainst(message)
	case *pb.TransferConfirmed:
		outcome, side = Confirmed, message.GetSide()
	case *pb.TransferFailed:
		outcome, side, reason = Failed, message.GetSide(), message.GetReasonCode()
		if !slices.Contains(reasons, reason) {
			return nil, errors.New("reason_code: must be a code of the scheme")
		}
	}
	if side != pb.Side_SIDE_PAYER && side != pb.Side_SIDE_PAYEE {
		return nil, errors.New("side: must be payer or payee")
	}
	known := b.books.transfers[sideOf{message.GetEndToEndId(), side}]
	switch {
	case known == nil && side == pb.Side_SIDE_PAYER:
		return nil, errors.New("the bank never made this transfer")
	case known == nil:
	case known.Content != content(message, side):
		return nil, errors.New("the transfer has another content")
	case outcome == "" || outcome == known.Status:
		return b.owed(known), nil
	case known.Status.isFinal():
		return nil, fmt.Errorf("the transfer is %s already", known.Status)
	}
	moved := Transfer{
		ID: message.GetEndToEndId(), Side: side, Centavos: message.GetAmountCentavos(),
		Account: message.GetPayee().GetAccountNumber(), Content: content(message, side),
	}
	if known != nil {
		moved = *known
	}
	changes := []Change{{Transfer: &moved}}
	switch {
	case outcome == "":
		moved.Status, moved.Reason = Accepted, reason
		if reason != "" {
			moved.Status = Rejected
		}
		b.books.Add(changes...)
		return b.owed(&moved), nil
	case outcome == Confirmed && b.books.accounts[moved.Account] == nil:
		return nil, fmt.Errorf("the bank has no account %q", moved.Account)
	case outcome == Confirmed && side == pb.Side_SIDE_PAYER:
		changes = append(changes, posting(moved.ID, "settlement", clearing, settlement, moved.Centavos))
	case outcome == Confirmed:
		changes = append(changes, posting(moved.ID, "credit", settlement, moved.Account, moved.Centavos))
	case side == pb.Side_SIDE_PAYER:
		changes = append(changes, posting(moved.ID, "refund", clearing, moved.Account, moved.Centavos))
	}
	moved.Status, moved.Reason = outcome, reason
	b.books.Add(changes...)
	return b.owed(&moved), nil
}

// owed is what the bank owes the hub for a transfer: the first time, to a duplicate, and after a crash.
func (b *Bank) owed(transfer *Transfer) ToHub {
	switch transfer.Status {
	case Pending:
		request := &pb.TransferRequested{}
		if err := proto.Unmarshal(transfer.Request, request); err != nil {
			log.Fatalf("the journal: %v", err)
		}
		return request
	case Accepted:
		return &pb.TransferAccepted{EndToEndId: transfer.ID, AmountCentavos: transfer.Centavos}
	case Rejected:
		return &pb.TransferRejected{EndToEndId: transfer.ID, AmountCentavos: transfer.Centavos, ReasonCode: transfer.Reason}
	}
	outcome := pb.Outcome_OUTCOME_FAILED
	if transfer.Status == Confirmed {
		outcome = pb.Outcome_OUTCOME_CONFIRMED
	}
	return &pb.OutcomeProcessed{
		EndToEndId: transfer.ID, Side: transfer.Side, Outcome: outcome, AmountCentavos: transfer.Centavos, ReasonCode: transfer.Reason,
	}
}
