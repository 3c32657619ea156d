"""What judge models write around a verdict, in many languages: what is harmless there, and what may change it.

None of these lists can be complete, so they err to one side: only what is known to be harmless may stand behind a
verdict, and what is not is asked about again.
"""

# ruff: noqa: RUF001 - letters, dashes and marks of many languages, as people write them

from __future__ import annotations

import functools
import re
from typing import Final

_HEADING_WORDS: Final = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "below",
        "criterion",
        "dimension",
        "evaluation",
        "final",
        "format",
        "here",
        "in",
        "is",
        "json",
        "judgement",
        "judgment",
        "my",
        "object",
        "okay",
        "ok",
        "overall",
        "assessment",
        "grade",
        "grading",
        "rating",
        "reasoning",
        "requested",
        "result",
        "results",
        "score",
        "scores",
        "structured",
        "sure",
        "the",
        "verdict",
        "value",
        "winner",
        "decision",
        "conclusion",
        "summary",
        "following",
        "this",
        "s",
        "bewertung",
        "ergebnis",
        "urteil",
        "hier",
        "ist",
        "meine",
        "évaluation",
        "voici",
        "mon",
        "ma",
        "le",
        "la",
        "résultat",
        "note",
        "evaluación",
        "resultado",
        "esta",
        "es",
        "mi",
        "aquí",
        "está",
        "avaliação",
        "minha",
        "aqui",
        "valutazione",
        "mia",
        "ecco",
        "оценка",
        "итог",
        "вот",
        "моя",
        "评估",
        "评价",
        "评分",
        "结论",
        "评分结果",
        "評価",
        "評価結果",
        "평가",
        "평가결과",
        "결과",
    ]
)
"""Words of headings, and of sentences that only lead to a verdict of one's own: ``Here is my evaluation:``."""
_OWN: Final = re.compile(r"\b(?:my|final)\s(?:final\s)?(?:answer|choice)\b", re.IGNORECASE)
_NO_WORDS: Final = re.compile(r"[\s.,:;|'’!#()\[\]+-]+")
_ENDS: Final = re.compile(r"[.!?。…]['\")\]”»」』]*$")

_LEADS_AWAY: Final = (
    r"\b(?:if|unless|would|were|could|should|may|might|not|never|instead|says?|said|saying|claim\w*|demand\w*|asks?"
    r"|asked|wants?|writes?|wrote|written|tells?|told|instruct\w*|reads?|contain\w*|include\w*|quot\w*|insist\w*"
    r"|states?|stated|examples?|e\.g|template|ignor\w*|inject\w*|prompt|response|output|user|wenn|falls|wäre|würde"
    r"|nicht|sagt|schreibt|verlangt|fordert|behauptet|beispiel|si|dit|demande|exige|serait|pas|exemple|dice|pide|exige"
    r"|sería|ejemplo|diz|pede|seria|exemplo|se|chiede|sarebbe|esempio|если|бы|говорит|требует|не|пример)\b"
    r"|如果|要求|声称|例如|もし|要求|例|만약|요구|예시"
)
"""In a line that runs on into the next one: the verdict there may be another's, or hang on something."""

_CLOSING: Final = (
    r"(?:(?:i\s)?hope\s(?:this|that|it)\shelps|(?:please\s)?let\sme\sknow\sif|thank(?:s|\syou)|please\sfeel\sfree"
    r"|feel\sfree|great\sjob|good\sjob|well\sdone|(?:i(?:'m|\sam)\s)?happy\sto\shelp|best\sregards|end\sof\s"
    r"|ich\shoffe,?\sdas\shilft|(?:vielen\s)?dank(?:e)?|merci|j'espère\sque|gracias|espero\sque\s(?:esto\s)?(?:te\s|le\s)?"
    r"(?:sirva|ayude)|obrigad[oa]|grazie|спасибо|надеюсь|谢谢|希望|ありがとう|以上です|감사합니다)"
    r"[^\d:;“”„«»\x22\n]{0,150}"
)
"""A sentence that ends an answer and says nothing of the verdict."""

_GIVES_REASON: Final = (
    r"(?:the|this|these|all|both|each|every|most|some|one|two|three|there|it|its|they|because|since|great|good|clear"
    r"|der|die|das|dies\w*|es|sie|ein|eine|alle|weil|la|le|les|l'|cette|ce|elle|il|car|el|los|las|esta|este|lo|un|una"
    r"|porque|o|a|os|as|esta|questa|il|perché|ответ|он|она|оно|это|потому|так\sкак)\b['’]?"
    r"|(?:reasoning|reason|rationale|explanation|justification|why|begründung|explication|raison|justificación|razón"
    r"|motivo|motivazione|justificativa|обоснование|причина)\s?:"
    r"|(?:回答|答案|该|这|因为|理由|原因|解释|応答|この|理由|답변|응답|이유|이)"
)
"""How a sentence begins that gives a reason."""

_CHANGES: Final = (
    r"\b(?:actual(?:ly)?|wait|correct(?:ion|ed|ing)|re-?consider\w*|re-?think\w*|revis\w*|amend\w*|adjust\w*|instead"
    r"|(?:on|upon)\s(?:second|further|more)?\s?(?:thoughts?|reflection)|second\sthoughts?|rather|update[ds]?|sorry|oops"
    r"|hmm+|strike|scratch|retract\w*|withdraw\w*|opposite|contrary|reverse[ds]?|vice\sversa|just\skidding|never\s?mind"
    r"|chang(?:e|ed|ing)\s(?:my|it|this|that)|overrid\w*|overrul\w*|placeholder|above|previous(?:ly)?|earlier"
    r"|scor(?:e|es|ed|ing)|rat(?:e|es|ed|ing|ings)|grad(?:e|es|ed|ing)|verdicts?|conclusions?|judge?ments?|assessments?|evaluations?|opinions?|marks?|points?|scale|out\sof|winner"
    r"|decision|final|too\s(?:high|low)|typo\w*|fake|as\srequested|begged|came\sfrom|candidates?|disregard|ignor(?:e|ed|ing)"
    r"|replaced?|drafts?|forged|swap\w*|requested\s(?:it|this|that|by)|(?:was|were|is|been)\srequested|(?:this|that|it|these|all\sof\sit)(?:['’]s|\s(?:is|was|are|were))\s(?:\w+\s)?(?:wrong|false|incorrect"
    r"|untrue|invalid|void|nonsense|not|mistaken|an?\s(?:lie|mistake|error|joke))|lower(?:ed)?|higher|raised?|downgrad\w*|upgrad\w*"
    r"|korrektur|korrigier\w*|eigentlich|tatsächlich|stattdessen|vielmehr|doch\snicht|note|punkte?|bewertung|moment"
    r"|correction|corrige|en\sfait|plutôt|finalement|attendez|points"
    r"|corrección|corrijo|en\srealidad|mejor\sdicho|espera|puntuación|nota|puntos|correção|na\sverdade|aliás|pontos"
    r"|correzione|anzi|in\srealtà|aspetta|voto|punti|исправ\w*|вернее|точнее|на\sсамом\sделе|нет|оценк\w*|балл\w*)\b"
    r"|更正|纠正|其实|实际上|不对|等等|应该是|改为|评分|得分|分数|訂正|やはり|実は|間違|点数|スコア|評価は|정정|사실은|아니|점수|<"
)
"""Words that take a verdict back or give another one."""

_DOUBTS: Final = (
    r"\b(?:I|I'm|I'd|I've|my|me|maybe|perhaps|probably|possibly|presumably|would|should|could|might|may|can't|cannot|if"
    r"|unless|otherwise|either|or|less|more\sor|about|around|roughly|approximately|nearly|almost|barely|hardly|borderline"
    r"|tentativ\w*|uncertain\w*|unsure|unclear|not\ssure|confiden\w*|hesitat\w*|depend\w*|depending|generous|harsh"
    r"|lenient|strict|(?:at\s)?(?:best|least|most\b(?!\s\w))|minimum|maximum|sort\sof|kind\sof|somewhat|partly|partial\w*"
    r"|provisional\w*|prelim\w*|worse|truth|real(?:ly)?|deserv\w*|merits?|worth"
    r"|(?:ask|demand|instruct|inject|claim|insist|quot|want|writ|cop(?:y|i)|attempt|pretend)\w*|says?|said|tells?|told"
    r"|wrote|taken|own|lines?|examples?|templates?|vielleicht|womöglich|wohl|eher|könnte|sollte|müsste|wäre|würde|wenn|falls"
    r"|oder|ich|etwa|ungefähr|peut-être|devrait|serait|pourrait|si|ou|je|environ|quizás?|tal\svez|debería|sería|podría"
    r"|talvez|deveria|seria|forse|dovrebbe|sarebbe|oppure|возможно|может|если|или|бы|я|примерно|скорее)\b"
    r"|也许|可能|如果|或者|大概|我|かも|もし|私|아마|만약|혹은|\?|？"
)
"""Words of doubt, of conditions, of what others say, and of the model about itself."""

_SECTION: Final = (
    r"(?:reasoning|reasons?|explanation|rationale|justification|why)\s?:.*"
    r"|(?:reasoning|explanation|rationale|justification)"
)
"""How the section begins in which a judge model says why."""
_TAKES_BACK: Final = (
    r"\b(?:correction|corrected|corrig\w*|actually|wait|revis\w*|re-?consider\w*|re-?think\w*|amend\w*|adjust(?:ed|ing|ment)"
    r"|instead|(?:on|upon)\s(?:second\s|further\s|more\s)?(?:thoughts?|reflection)|second\sthoughts?|disregard|ignore|typo\w*"
    r"|scratch|retract\w*|withdraw\w*|strike|oops|hmm+|sorry|never\s?mind|just\skidding|opposite|vice\sversa|reverse[ds]?"
    r"|overrid\w*|overrul\w*|placeholder|draft|replaced?|swap\w*|fake|forged|too\s(?:high|low|generous|harsh)|i\smeant"
    r"|chang(?:e|ed|ing)\s(?:my|it|this|that)|updat(?:e|ed|ing)|mis(?:take|taken|read|typed)|rather|came\sfrom"
    r"|(?:final|new|real|true|right|real)\s(?:score|rating|grade|verdict|answer|choice|decision|winner|judge?ment|number)"
    r"|(?:score|rating|grade|verdict|number|winner|choice|decision|judge?ment)s?\s(?:above|below|is|was|should|would|must|stands?|be)"
    r"|(?:above|below|my|this|that)\s(?:score|rating|grade|verdict|number|decision|judge?ment)"
    r"|(?:lower|higher|raise|downgrad|upgrad)\w*\s(?:the|my|this|it|that|to)|(?:say|says|said|write|asked|told)\sme"
    r"|korrektur|korrigier\w*|eigentlich|stattdessen|vielmehr|plutôt|finalement|corrección|corrijo|en\srealidad|correção"
    r"|na\sverdade|correzione|anzi|in\srealtà|исправ\w*|вернее)\b|更正|纠正|其实|实际上|应该是|改为|訂正|やはり|実は|정정|사실은|<"
)
"""Words that take a verdict back, wherever they stand: those that a reason may not use either."""

_LEADS_ON: Final = (
    r"\b(?:following|next\sline|as\sfollows|below|this\sline|(?:to|will|must|should|me)\s(?:write|say|answer|repeat|reply)"
    r"|folgende[nrs]?|suivante?|siguiente|seguinte|seguente|следующ\w*)\b|以下|次の|다음"
)
"""In a sentence that announces the one after it."""

_REPORTS: Final = (
    r"\b(?:(?:says?|said|saying|writes?|wrote)(?!\sthat\s(?=.{0,200}$)(?!.{0,200}(?:\b(?:scor\w*|rat(?:e|ed|ing)|grad\w*"
    r"|verdicts?|judg\w*|this|these|so|I|me|you|must|should|perfect|answers?|ignore)\b|['’\x22“‘`:])))"
    r"|I\s(?:can['’]t|cannot|can\snot|won['’]t|will\snot)\s(?:\w+\s){0,2}(?:assist|help|comply)|reads?(?!\s(?:well|smoothly|naturally|clearly|easily|fluently|nicely|like|as\b))"
    r"|quot(?:es?|ed|ing)|ends?\s(?:with|so\b|in\b|on\b|thus)|forged|forges?|fake[ds]?|injected|injects?|ignore|ignoring"
    r"|contain(?:s|ed|ing)?\s(?:this|that|the|these|an?|another|some|its\sown)\s(?:\w+\s){0,3}(?:text|lines?|notes?|verdicts?"
    r"|instructions?|injections?|sentences?|scores?|ratings?|requests?|messages?|demands?|commands?|prompts?|paragraphs?)"
    r"|I\s(?:must\s|have\sto\s|will\s)?(?:refuse|decline|abstain)"
    r"|(?:do\snot|don['’]t|never|must\snot)\s(?:use|trust|count|read|take|copy|believe|record|grade|score|rate|accept)"
    r"|(?:can['’]t|cannot|can\snot|unable\sto|won['’]t|will\snot|not\sable\sto)\s(?:\w+\s){0,2}(?:evaluate|grade|judge"
    r"|score|rate|assess|provide\s(?:a|an|any)\s(?:score|verdict|rating|evaluation|judge?ment)))\b"
    r"|^(?:here\s(?:is|are)\s)?(?:(?:an?|the|for|this\sis\san?)\s)?(?:examples?|sample)\b|^for\sinstance\b"
)
"""In a sentence that reports, exemplifies, forbids or refuses what stands behind it."""


def is_heading(text: str) -> bool:
    """Return whether a line is a heading, or leads to a verdict that is the model's own."""
    words = _NO_WORDS.split(_OWN.sub("verdict", text).lower())
    return all(word in _HEADING_WORDS for word in words if word)


def is_closed(text: str) -> bool:
    """Return whether a line ends as a sentence does."""
    return _ENDS.search(text[-20:]) is not None


def leads_on(text: str) -> bool:
    """Return whether a sentence announces the one after it, or reports, exemplifies, forbids or refuses it."""
    return _regex(_LEADS_ON).search(text) is not None or reports(text)


def reports(text: str) -> bool:
    """Return whether a sentence reports, exemplifies, forbids or refuses what stands behind it."""
    return _regex(_REPORTS).search(text) is not None


def leads_away(text: str) -> bool:
    """Return whether what follows on a line that runs on may not be the model's own verdict."""
    return text.rstrip().endswith((":", ",", ";", "：", "，", "、")) or _regex(_LEADS_AWAY).search(text) is not None


def is_closing(text: str) -> bool:
    """Return whether a sentence ends an answer, and says nothing of the verdict."""
    found = _regex(_CLOSING).fullmatch(text)
    return found is not None and text[-1] not in "'’" and _regex(_CHANGES).search(text) is None


def is_reason(text: str) -> bool:
    """Return whether a sentence behind a verdict begins as a reason does, and holds nothing that may change it."""
    return _regex(_GIVES_REASON).match(text) is not None and keeps_verdict(text)


def keeps_verdict(text: str) -> bool:
    """Return whether a text holds no word that takes a verdict back, gives another one, or doubts it."""
    return _regex(_CHANGES).search(text) is None and _regex(_DOUBTS).search(text) is None


def begins_section(text: str) -> bool:
    """Return whether a line begins the section in which a judge model says why."""
    return _regex(_SECTION).fullmatch(text) is not None


def takes_back(text: str) -> bool:
    """Return whether a text holds words that take a verdict back, wherever they stand."""
    return _regex(_TAKES_BACK).search(text) is not None


@functools.cache
def _regex(source: str) -> re.Pattern[str]:
    # Compiled when an answer is read, not at import.
    return re.compile(source, re.IGNORECASE)


@functools.cache
def any_of(names: tuple[str, ...]) -> str:
    """Return a pattern of names, the longest first, whatever stands between their words."""
    return "|".join(map(_any_spelling, sorted(names, key=len, reverse=True)))


def _any_spelling(name: str) -> str:
    return r"[\s_-]{1,3}".join(map(re.escape, re.split(r"[\s_-]+", name)))
