package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"codepix.example/bank/pb"
)

// refuse is an error that the caller of the contract sees.
func refuse(code codes.Code, format string, parts ...any) error {
	return status.Errorf(code, format, parts...)
}

// reasonName is a gRPC status as its specification writes it.
func reasonName(code codes.Code) string {
	names := map[codes.Code]string{
		codes.InvalidArgument: "INVALID_ARGUMENT", codes.NotFound: "NOT_FOUND", codes.AlreadyExists: "ALREADY_EXISTS",
		codes.FailedPrecondition: "FAILED_PRECONDITION", codes.ResourceExhausted: "RESOURCE_EXHAUSTED",
		codes.PermissionDenied: "PERMISSION_DENIED", codes.Unauthenticated: "UNAUTHENTICATED",
	}
	if name, found := names[code]; found {
		return name
	}
	return "UNAVAILABLE"
}

func httpStatus(reason string) int {
	switch reason {
	case "NOT_FOUND":
		return http.StatusNotFound
	case "ALREADY_EXISTS":
		return http.StatusConflict
	case "UNAVAILABLE":
		return http.StatusServiceUnavailable
	}
	return http.StatusUnprocessableEntity
}

type handler func(*http.Request) (int, any, error)

func (b *Bank) contract() http.Handler {
	mux := http.NewServeMux()
	for pattern, handle := range map[string]handler{
		"GET /bank": b.showBank, "GET /accounts": b.showAccounts, "GET /accounts/{number}/postings": b.showPostings,
		"GET /transfers/{id}": b.showTransfer, "GET /books": b.showBooks, "POST /accounts": b.openAccount,
		"POST /keys": b.registerKey, "DELETE /keys/{value}": b.removeKey, "POST /transfers": b.pay,
	} {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" /contract/v1"+path, func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, bodyBytesMax)
			code, document, err := handle(r)
			w.Header().Set("Content-Type", "application/json")
			if err != nil {
				refusal := status.Convert(err)
				reason := reasonName(refusal.Code())
				code, document = httpStatus(reason), map[string]string{"title": "Refused", "detail": refusal.Message(), "reason": reason}
				w.Header().Set("Content-Type", "application/problem+json")
			}
			w.WriteHeader(code)
			if document != nil {
				if err := json.NewEncoder(w).Encode(document); err != nil {
					log.Printf("an answer is not sent: %v", err)
				}
			}
		})
	}
	return mux
}

func (b *Bank) showBank(*http.Request) (int, any, error) {
	if !b.joined.Load() || !b.reading.Load() {
		return 0, nil, refuse(codes.Unavailable, "the bank has not joined the network yet")
	}
	return http.StatusOK, map[string]any{
		"code": b.code, "ispb": b.ispb, "name": b.name, "features": []string{}, "kafka_topic": b.topic,
	}, nil
}

func (b *Bank) showAccounts(*http.Request) (int, any, error) {
	b.books.Lock()
	defer b.books.Unlock()
	shown := []any{}
	for _, number := range b.books.numbers {
		shown = append(shown, b.shownAccount(b.books.accounts[number]))
	}
	return http.StatusOK, map[string]any{"accounts": shown}, nil
}

func (b *Bank) shownAccount(account *Account) any {
	return map[string]any{
		"branch": branch, "number": account.Number, "type": "CACC", "owner_name": account.Owner, "status": "open",
		"owner_document": account.Document, "balance_centavos": b.books.balances[account.Number],
	}
}

func (b *Bank) showPostings(r *http.Request) (int, any, error) {
	b.books.Lock()
	defer b.books.Unlock()
	account, err := b.account(r.PathValue("number"))
	if err != nil {
		return 0, nil, err
	}
	shown := []any{}
	for _, one := range b.books.postings[account.Number] {
		cents := one.Centavos
		if one.Debit == account.Number {
			cents = -cents
		}
		shown = append(shown, map[string]any{
			"id": strconv.Itoa(one.ID), "transfer_id": one.TransferID, "kind": one.Kind, "amount_centavos": cents, "at": one.At,
		})
	}
	return http.StatusOK, map[string]any{"postings": shown}, nil
}

func (b *Bank) showTransfer(r *http.Request) (int, any, error) {
	b.books.Lock()
	defer b.books.Unlock()
	for _, side := range []pb.Side{pb.Side_SIDE_PAYER, pb.Side_SIDE_PAYEE} {
		asked := r.URL.Query().Get("side")
		transfer := b.books.transfers[sideOf{r.PathValue("id"), side}]
		if transfer != nil && (asked == "" || asked == sideName(side)) {
			return http.StatusOK, shownTransfer(transfer), nil
		}
	}
	return 0, nil, refuse(codes.NotFound, "the bank knows no such transfer")
}

func sideName(side pb.Side) string {
	return strings.ToLower(strings.TrimPrefix(side.String(), "SIDE_"))
}

func shownTransfer(transfer *Transfer) any {
	shown := transfer.Status
	switch shown {
	case Accepted:
		shown = Pending
	case Rejected:
		shown = Failed
	}
	return map[string]any{
		"id": transfer.ID, "side": sideName(transfer.Side), "status": shown, "reason": transfer.Reason,
		"amount_centavos": transfer.Centavos,
	}
}

func (b *Bank) showBooks(*http.Request) (int, any, error) {
	b.books.Lock()
	defer b.books.Unlock()
	var customers int64
	for _, number := range b.books.numbers {
		customers += b.books.balances[number]
	}
	return http.StatusOK, map[string]int64{
		"customers_centavos": customers, "clearing_centavos": b.books.balances[clearing],
		"settlement_centavos": b.books.balances[settlement], "equity_centavos": b.books.balances[equity],
	}, nil
}

func (b *Bank) openAccount(r *http.Request) (int, any, error) {
	var asked struct {
		Owner    string `json:"owner_name"`
		Document string `json:"owner_document"`
		Opening  *int64 `json:"opening_balance_centavos"`
	}
	if err := decode(r, &asked); err != nil {
		return 0, nil, err
	}
	owner := norm.NFC.String(strings.Join(strings.Fields(asked.Owner), " "))
	if err := errors.Join(checkText("owner_name", owner, 1, 80), checkForm("owner_document", asked.Document, cpf)); err != nil {
		return 0, nil, err
	}
	if asked.Opening == nil || *asked.Opening < 0 || *asked.Opening > amountMax {
		return 0, nil, refuse(codes.InvalidArgument, "opening_balance_centavos: must be an integer of 0 to %d", amountMax)
	}
	b.books.Lock()
	defer b.books.Unlock()
	if len(b.books.numbers) >= accountsMax {
		return 0, nil, refuse(codes.ResourceExhausted, "the bank has %d accounts already", accountsMax)
	}
	account := &Account{Number: fmt.Sprintf("%06d", len(b.books.numbers)+1), Owner: owner, Document: asked.Document}
	changes := []Change{{Account: account}}
	if *asked.Opening > 0 {
		changes = append(changes, posting("", "deposit", equity, account.Number, *asked.Opening))
	}
	b.books.Add(changes...)
	b.books.Store()
	return http.StatusCreated, b.shownAccount(account), nil
}

func (b *Bank) registerKey(r *http.Request) (int, any, error) {
	var asked struct{ Account, Kind, Value string }
	if err := decode(r, &asked); err != nil {
		return 0, nil, err
	}
	kind, found := pb.KeyKind_value["KEY_KIND_"+asked.Kind]
	if !found || kind == 0 {
		return 0, nil, refuse(codes.InvalidArgument, "kind: must be CPF, CNPJ, PHONE, EMAIL or EVP")
	}
	account, err := b.lockedAccount(asked.Account)
	if err != nil {
		return 0, nil, err
	}
	ctx, cancel := b.call(r.Context())
	defer cancel()
	response, err := b.directory.RegisterKey(ctx, &pb.RegisterKeyRequest{
		Key: &pb.PixKey{Kind: pb.KeyKind(kind), Key: asked.Value}, Branch: branch, AccountNumber: account.Number,
		HolderName: account.Owner, HolderKind: pb.HolderKind_HOLDER_KIND_PERSON, HolderTaxId: account.Document, RequestId: newUUID(),
	})
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, map[string]string{"kind": asked.Kind, "value": response.GetEntry().GetKey().GetKey()}, nil
}

func (b *Bank) removeKey(r *http.Request) (int, any, error) {
	ctx, cancel := b.call(r.Context())
	defer cancel()
	_, err := b.directory.RemoveKey(ctx, &pb.RemoveKeyRequest{Key: storedKey(r.PathValue("value"))})
	return http.StatusNoContent, nil, err
}

// Order is what a customer asks for when paying.
type Order struct {
	Account        string `json:"account"`
	Key            string `json:"key"`
	Centavos       int64  `json:"amount_centavos"`
	Description    string `json:"description"`
	IdempotencyKey string `json:"idempotency_key"`
}

func (b *Bank) pay(r *http.Request) (int, any, error) {
	var asked Order
	if err := decode(r, &asked); err != nil {
		return 0, nil, err
	}
	description := norm.NFC.String(strings.Join(strings.Fields(asked.Description), " "))
	if err := errors.Join(checkText("key", asked.Key, 1, 77), checkText("idempotency_key", asked.IdempotencyKey, 1, 100),
		checkText("description", description, 0, 140)); err != nil {
		return 0, nil, err
	}
	if asked.Centavos < 1 || asked.Centavos > amountMax {
		return 0, nil, refuse(codes.InvalidArgument, "amount_centavos: must be an integer of 1 to %d", amountMax)
	}
	account, err := b.lockedAccount(asked.Account)
	if err != nil {
		return 0, nil, err
	}
	now := time.Now().UTC()
	request := &pb.TransferRequested{
		EndToEndId:     "E" + b.ispb + now.Format("200601021504") + randomID()[:11],
		AmountCentavos: asked.Centavos,
		Payer: &pb.Party{
			Ispb: b.ispb, Branch: branch, AccountNumber: account.Number, Name: account.Owner,
			TaxIdMasked: fmt.Sprintf("***.%s.%s-**", account.Document[3:6], account.Document[6:9]),
		},
		PayeeKey: storedKey(asked.Key), Description: description, RequestedAtMs: now.UnixMilli(),
		Initiation: pb.Initiation_INITIATION_DICT,
	}
	if b.order(account, asked) == nil {
		if request.PayeeTaxIdMasked, err = b.lookUp(r.Context(), account, request.PayeeKey); err != nil {
			return 0, nil, err
		}
	}
	b.books.Lock()
	defer b.books.Unlock()
	// Another request with this key may have come first, now or in an earlier life of the bank.
	if first := b.books.orders[orderOf{account.Number, asked.IdempotencyKey}]; first != nil {
		if first.Content != content(request, pb.Side_SIDE_PAYER) {
			return 0, nil, refuse(codes.AlreadyExists, "idempotency_key: it belongs to another transfer")
		}
		return http.StatusOK, shownTransfer(first), nil
	}
	if b.books.balances[account.Number] < asked.Centavos {
		return 0, nil, refuse(codes.FailedPrecondition, "amount_centavos: the balance is too small")
	}
	stored, err := proto.Marshal(request)
	if err != nil {
		return 0, nil, err
	}
	transfer := &Transfer{
		ID: request.EndToEndId, Side: pb.Side_SIDE_PAYER, Status: Pending, Centavos: asked.Centavos, Account: account.Number,
		Content: content(request, pb.Side_SIDE_PAYER), Request: stored, IdempotencyKey: asked.IdempotencyKey,
	}
	b.books.Add(Change{Transfer: transfer}, posting(transfer.ID, "payment", account.Number, clearing, asked.Centavos))
	b.books.Store()
	b.publish(request)
	return http.StatusCreated, shownTransfer(transfer), nil
}

// lookUp returns the masked tax id of the key's holder, unless the payer would pay into the same account.
func (b *Bank) lookUp(ctx context.Context, payer *Account, key *pb.PixKey) (string, error) {
	ctx, cancel := b.call(ctx)
	defer cancel()
	holder, err := b.directory.FindKey(ctx, &pb.FindKeyRequest{Key: key})
	if err != nil || holder.GetIspb() != b.ispb {
		return holder.GetTaxIdMasked(), err
	}
	own, err := b.directory.ListKeys(ctx, &pb.ListKeysRequest{Branch: branch, AccountNumber: payer.Number})
	if err != nil {
		return "", err
	}
	for _, entry := range own.GetEntries() {
		if entry.GetKey().GetKey() == key.GetKey() {
			return "", refuse(codes.FailedPrecondition, "key: it belongs to the payer's own account")
		}
	}
	return holder.GetTaxIdMasked(), nil
}

func (b *Bank) order(account *Account, asked Order) *Transfer {
	b.books.Lock()
	defer b.books.Unlock()
	return b.books.orders[orderOf{account.Number, asked.IdempotencyKey}]
}

func (b *Bank) lockedAccount(number string) (*Account, error) {
	b.books.Lock()
	defer b.books.Unlock()
	return b.account(number)
}

func (b *Bank) account(number string) (*Account, error) {
	if account := b.books.accounts[number]; account != nil {
		return account, nil
	}
	return nil, refuse(codes.NotFound, "account: the bank has no account %q", number)
}

// storedKey tells the kind of a key: in stored form it is of one at most.
func storedKey(key string) *pb.PixKey {
	for kind := range keyForms {
		if isKey(kind, key) {
			return &pb.PixKey{Kind: kind, Key: key}
		}
	}
	return &pb.PixKey{Key: key}
}

func decode(r *http.Request, into any) error {
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, into)
	}
	if err != nil {
		return refuse(codes.InvalidArgument, "body: %v", err)
	}
	return nil
}

func checkText(name, value string, least, most int) error {
	if !isLine(value, least, most) {
		return refuse(codes.InvalidArgument, "%s: must be a line of %d to %d characters", name, least, most)
	}
	return nil
}

func checkForm(name, value string, form *regexp.Regexp) error {
	if !form.MatchString(value) {
		return refuse(codes.InvalidArgument, "%s: must match %s", name, form)
	}
	return nil
}

// newUUID writes a random UUID (RFC 9562, version 4).
func newUUID() string {
	id := []byte(randomID())
	id[12], id[16] = '4', '8'
	return fmt.Sprintf("%s-%s-%s-%s-%s", id[:8], id[8:12], id[12:16], id[16:20], id[20:])
}
