package reasoner

import (
	"unicode"
	"unicode/utf8"

	"github.com/latentask/latentask/internal/bundle"
)

// unspaced are the blocks of scripts that write words without spaces between
// them: Thai and Lao, kana, and Chinese characters.
var unspaced = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x0e00, Hi: 0x0eff, Stride: 1},
		{Lo: 0x3040, Hi: 0x30ff, Stride: 1},
		{Lo: 0x3400, Hi: 0x4dbf, Stride: 1},
		{Lo: 0x4e00, Hi: 0x9fff, Stride: 1},
		{Lo: 0xf900, Hi: 0xfaff, Stride: 1},
	},
	R32: []unicode.Range32{{Lo: 0x20000, Hi: 0x2ffff, Stride: 1}},
}

// edge reports whether a word can begin or end at byte i of a text: at its ends,
// and wherever not both neighbours are letters, numbers or marks. In a script
// without spaces it can between any two characters, but never before a mark.
func edge(text string, i int) bool {
	if i <= 0 || i >= len(text) {
		return true
	}
	if !utf8.RuneStart(text[i]) {
		return false
	}
	before, _ := utf8.DecodeLastRuneInString(text[:i])
	after, _ := utf8.DecodeRuneInString(text[i:])
	if !bundle.Alphanumeric(before) || !bundle.Alphanumeric(after) {
		return true
	}
	return !unicode.IsMark(after) && (unicode.Is(unspaced, before) || unicode.Is(unspaced, after))
}
