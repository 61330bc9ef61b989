package main

import (
	"errors"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/twmb/franz-go/pkg/kgo"

	"codepix.example/bank/pb"
)

// The bounds of docs/protocol.md: of a record, and of the fields that another participant sends.
const (
	valueBytesMax   = 16 << 10
	headersMax      = 64
	headersBytesMax = 8 << 10
	timeMsMax       = 253_402_300_799_999
)

var (
	endToEndID = regexp.MustCompile(`^E[0-9A-Z]{8}([0-9]{12})[0-9A-Za-z]{11}$`)
	ispb       = regexp.MustCompile(`^[0-9A-Z]{8}$`)
	branchForm = regexp.MustCompile(`^[0-9]{1,4}$`)
	number     = regexp.MustCompile(`^[0-9A-Za-z]([0-9A-Za-z-]{0,18}[0-9A-Za-z])?$`)
	maskedTax  = regexp.MustCompile(`^(\*{3}\.[0-9]{3}\.[0-9]{3}-\*{2}|\*{2}\.[0-9A-Z]{3}\.[0-9A-Z]{3}/[0-9A-Z]{4}-\*{2})$`)
	txids      = map[pb.Initiation]*regexp.Regexp{
		pb.Initiation_INITIATION_UNSPECIFIED: regexp.MustCompile(`^$`),
		pb.Initiation_INITIATION_DICT:        regexp.MustCompile(`^$`),
		pb.Initiation_INITIATION_QRES:        regexp.MustCompile(`^[0-9A-Za-z]{0,25}$`),
		pb.Initiation_INITIATION_QRDN:        regexp.MustCompile(`^[0-9A-Za-z]{0,35}$`),
	}
	cpf      = regexp.MustCompile(`^[0-9]{11}$`)
	keyForms = map[pb.KeyKind]*regexp.Regexp{
		pb.KeyKind_KEY_KIND_CPF:   cpf,
		pb.KeyKind_KEY_KIND_CNPJ:  regexp.MustCompile(`^[0-9A-Z]{12}[0-9]{2}$`),
		pb.KeyKind_KEY_KIND_PHONE: regexp.MustCompile(`^\+[1-9][0-9]{2,15}$`),
		pb.KeyKind_KEY_KIND_EMAIL: regexp.MustCompile("^[a-z0-9.!#$&'*+/=?^_`{|}~-]+@" +
			`[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$`),
		pb.KeyKind_KEY_KIND_EVP: regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`),
	}
	reasons = strings.Fields(`AB03 AC03 AC06 AC07 AC14 AG12 AM02 AM04 AM09 BE01 BE17 CH16 DS27 DUPL ED05 FF08 RC09 RC10 RR04 SL02`)
)

// checkRecord tells whether a record keeps the limits of every record.
func checkRecord(record *kgo.Record) error {
	names, size := map[string]bool{}, 0
	for _, header := range record.Headers {
		names[header.Key] = true
		size += len(header.Key) + len(header.Value)
	}
	if len(record.Value) > valueBytesMax || len(names) != len(record.Headers) || len(names) > headersMax || size > headersBytesMax {
		return errors.New("the record is larger than a record may be, or a header comes twice")
	}
	return nil
}

func isEndToEndID(id string) bool {
	parts := endToEndID.FindStringSubmatch(id)
	if parts == nil {
		return false
	}
	_, err := time.Parse("200601021504", parts[1])
	return err == nil
}

// isFit tells whether every field of an offer keeps its bounds, its amount aside.
func isFit(offer *pb.TransferOffered) bool {
	for _, party := range []*pb.Party{offer.GetPayer(), offer.GetPayee()} {
		if !ispb.MatchString(party.GetIspb()) || !branchForm.MatchString(party.GetBranch()) || !number.MatchString(party.GetAccountNumber()) ||
			!isLine(party.GetName(), 1, 80) || !maskedTax.MatchString(party.GetTaxIdMasked()) {
			return false
		}
	}
	txid, key := txids[offer.GetInitiation()], offer.GetPayeeKey()
	return txid != nil && txid.MatchString(offer.GetTxid()) && isKey(key.GetKind(), key.GetKey()) &&
		isLine(offer.GetDescription(), 0, 140) && offer.GetOfferedAtMs() > 0 && offer.GetOfferedAtMs() <= timeMsMax
}

// isLine tells whether a text is in stored form: one line, composed (NFC), with single spaces, and all of it visible.
func isLine(text string, least, most int) bool {
	length := utf8.RuneCountInString(text)
	if length < least || length > most || !norm.NFC.IsNormalString(text) || strings.Join(strings.Fields(text), " ") != text {
		return false
	}
	for _, letter := range text {
		if !unicode.IsPrint(letter) && letter != '\u200d' {
			return false
		}
	}
	return true
}

// isKey tells whether a text is a key of this kind in stored form.
func isKey(kind pb.KeyKind, key string) bool {
	form := keyForms[kind]
	if form == nil || len(key) > 77 || !form.MatchString(key) {
		return false
	}
	switch kind {
	case pb.KeyKind_KEY_KIND_CPF:
		return hasCheckDigits(key, 11)
	case pb.KeyKind_KEY_KIND_CNPJ:
		return hasCheckDigits(key, 9)
	}
	return true
}

// hasCheckDigits computes the two digits of the Receita Federal (mod 11). From the right, weights go from 2 to
// `weightMax` and begin again; a character's value is its ASCII code less 48.
func hasCheckDigits(number string, weightMax int) bool {
	for place := len(number) - 2; place < len(number); place++ {
		sum := 0
		for distance := 1; distance <= place; distance++ {
			sum += int(number[place-distance]-'0') * (2 + (distance-1)%(weightMax-1))
		}
		if sum*10%11%10 != int(number[place]-'0') {
			return false
		}
	}
	return strings.Trim(number, number[:1]) != ""
}
