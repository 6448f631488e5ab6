"""Letters of languages in the order of how often texts have them, for the guess of an encoding."""

ALPHABETS = {
    "french": "éàèêçâôîûùïëœüÿæ",
    "german": "üäöß",
    "spanish": "óáíé¡¿ñúü",
    "portuguese": "ãçáéíóêõâúàôü",
    "italian": "èàùòéìî",
    "nordic": "äåöøæéüáà",
    "icelandic": "íáðéþæóöúý",
    "dutch": "ëéïèöüóáê",
    "catalan": "àéèòóíçúïü·",
    "turkish": "ışğüçöiâîû",
    "polish": "łąężśćóńź",
    "czech": "áíéěýřščžůúďťňóôľĺŕä",
    "hungarian": "éáőöíóüűú",
    "romanian": "ăîşţâșț",
    "croatian": "čšžćđ",
    "russian": "оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфіїєґъё",
    "greek": "αοιετσνηυρπκμλςόίάέωήδγύώχθφβξζψϊϋΐΰ",
    "hebrew": "יולאהמתרבשנעדקחםפטגןצכסזךףץ",
    "arabic": "اليمنوتربةعدسفهكقحجشصطخذزىءئأإآغضؤثظپچژگ",
    "thai": "านรอกเงมยลวดทสตะปบคหแจพชขใไโผณธซศญฟถฝภษฮฉฐฏฎฑฒฆฌฬ่้ัี็์ิืำุูึ๊๋ๆฯ",
}
"""Of languages in Latin letters only those that are not ASCII."""
NEUTRAL_CHARACTERS = frozenset(
    "“”„‘’‚‹›«»…–—·•°♪♫€£©®™§\u00a0\u200e\u200f\u00ad،؟؛、。「」『』・ー〜！？（）：；，．—―々〇"
)
"""Characters that texts in any language have."""
COMMON_HAN = frozenset(
    "的一是不了在人有我他这这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年过发后作里好吗什么谢"
    "這個們來為國說時會對於著過發後裡嗎麼謝去吧等走做您她它没沒请請知道想看听聽很都把被让讓给給快再见見现現在真还還样樣"
    "世界文字"
)
COMMON_HANGUL = frozenset(
    "이다는을가고의에은로한하지어나있기도그아리사서를대니라요것해게안자들보여주습까녕세뭐야거너네말저왜시일있없무우"
)
