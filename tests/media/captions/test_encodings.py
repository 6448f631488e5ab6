"""Captions in the code pages of many languages are read as they were written, though nothing names the code page."""

import pytest

from media.captions.encodings import guess_codec
from media.captions.reader import read_captions

LINES: dict[str, tuple[str, ...]] = {
    "japanese": (
        "昨日は雨が降っていました。",
        "彼女は来ると言った。",
        "ちょっと待ってください",
        "大丈夫ですか?",
        "いいえ、違います",
        "ニューヨークへようこそ",
    ),
    "chinese": ("今天天气很好", "我不知道你在说什么", "他们昨天到了上海", "这不可能!", "对不起,我迟到了"),
    "chinese_t": ("今天天氣很好", "我不知道你在說什麼", "他們昨天到了上海", "這不可能!", "對不起,我遲到了"),
    "korean": ("오늘 날씨가 좋네요", "나는 모르겠어요", "어디에 가세요?", "미안해요, 늦었어요", "괜찮아"),
    "russian": ("Сегодня хорошая погода", "Я не понимаю", "где мы встретимся?", "Никогда больше", "ТИХО!"),
    "ukrainian": ("Сьогодні гарна погода", "Я не розумію"),
    "greek": ("Σήμερα ο καιρός είναι καλός", "Δεν καταλαβαίνω", "πού πάμε;"),
    "hebrew": ("היום מזג האוויר יפה", "אני לא מבין", "לאן הולכים?"),
    "arabic": ("الطقس جميل اليوم", "لا أفهم", "إلى أين نذهب؟"),
    "german": ("Müßiggang ist aller Laster Anfang", "Das hört nie auf", "Öffne die Tür"),
    "french": ("Je ne sais pas où il a été", "Garçon, un café s'il vous plaît", "« Noël »"),
    "spanish": ("No sé qué pasó anoche", "El niño está aquí", "¡Adiós, corazón!"),
    "portuguese": ("Não sei o que aconteceu", "Você está aí, irmão?", "Até amanhã"),
    "italian": ("Perché non è venuto?", "Così va la città"),
    "swedish": ("Jag förstår inte, älskling", "Var är du på väg?"),
    "danish": ("Jeg forstår ikke, kære", "Hvad laver du på øen?"),
    "icelandic": ("Ég skil þetta ekki", "Hvað ertu að gera?"),
    "polish": ("Nie rozumiem, co się dzieje", "Gdzie jesteś, książę?", "Później będzie za późno", "Zażółć gęślą jaźń"),
    "czech": ("Nerozumím tomu vůbec", "Kde jsi byl včera večer?", "Možná příště"),
    "hungarian": ("Nem értem, mi történik", "Hol vagy, kedvesem?", "Később túl késő lesz, fiú", "Időben jött a nő"),
    "romanian": ("Nu înţeleg ce se întâmplă", "Unde eşti acum?"),
    "croatian": ("Ne razumijem što se događa", "Gdje si, srećo?"),
    "turkish": ("Ne olduğunu anlamıyorum", "Neredesin, şimdi gel", "Çok güzel bir gün"),
    "thai": ("วันนี้อากาศดี", "ฉันไม่เข้าใจ"),
}
CODE_PAGES: dict[str, tuple[str, ...]] = {
    "japanese": ("cp932", "euc_jp", "iso2022_jp"),
    "chinese": ("gb18030",),
    "chinese_t": ("big5",),
    "korean": ("cp949",),
    "russian": ("cp1251", "koi8_r", "cp866", "iso8859_5"),
    "ukrainian": ("cp1251", "koi8_u"),
    "greek": ("cp1253",),
    "hebrew": ("cp1255",),
    "arabic": ("cp1256",),
    "german": ("cp1252", "cp437", "cp850", "mac_roman"),
    "french": ("cp1252", "cp850", "mac_roman"),
    "spanish": ("cp1252", "cp850", "mac_roman"),
    "portuguese": ("cp1252", "cp850"),
    "italian": ("cp1252",),
    "swedish": ("cp1252", "cp850"),
    "danish": ("cp1252", "cp850"),
    "icelandic": ("cp1252",),
    "polish": ("cp1250", "iso8859_2", "cp852"),
    "czech": ("cp1250", "iso8859_2", "cp852"),
    "hungarian": ("cp1250", "cp852"),
    "romanian": ("cp1250",),
    "croatian": ("cp1250", "cp852"),
    "turkish": ("cp1254",),
    "thai": ("cp874",),
}
WRITTEN = [(language, codec) for language, names in CODE_PAGES.items() for codec in names]


def subtitles(lines: tuple[str, ...]) -> str:
    cues = (
        f"{number}\n00:00:{number:02},000 --> 00:00:{number:02},900\n{line}\n" for number, line in enumerate(lines, 1)
    )
    return "\n".join(cues)


def in_codec(lines: tuple[str, ...], codec: str) -> tuple[str, ...]:
    """The lines that can be written in a code page."""
    return tuple(line for line in lines if line.encode(codec, "ignore").decode(codec) == line)


@pytest.mark.parametrize(("language", "codec"), WRITTEN)
def test_captions_in_a_code_page_are_read_as_written(language: str, codec: str) -> None:
    lines = in_codec(LINES[language], codec)
    read = read_captions(subtitles(lines).encode(codec), ".srt")
    assert tuple(one.text for one in read.captions) == lines
    (note,) = read.notes
    assert note.startswith("its encoding is not stated, and was taken to be ")


def test_of_single_lines_seven_of_eight_are_read_as_written() -> None:
    """Nothing tells some from others: "vèera" is Czech in another code page."""
    texts = [(subtitles((line,)), codec) for language, codec in WRITTEN for line in in_codec(LINES[language], codec)]
    texts = [(text, codec) for text, codec in texts if codec != "iso2022_jp"]
    guessed = [text.encode(codec).decode(guess_codec(text.encode(codec)), "replace") == text for text, codec in texts]
    assert len(guessed) > 140
    assert sum(guessed) >= 7 / 8 * len(guessed)
