"""Knows the set words in which papers state design choices, and reads the values beside them.

It refuses to say whether a choice paid: that is a gain, or a person's judgement.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from kb.findings.sentences import Span

NUMBER = (
    r"(?:10\s?\^?\s?[-−–]\s?\d+(?!\d)"
    r"|\d+(?:[.,]\d+)*(?:\s?[×x·⋅*]\s?10\s?\^?\s?[-−–]?\s?\d+|[eE][-−–]?\d+)?)"
)
GAP = (
    r"(?:\s+(?:rate|size|probability|value|factor|coefficient|of|to|is|was|=|at|with|a|the|set|as"
    r"|up|in|peak|initial|ratio|parameter|weight)|\s*[=:(]){0,5}\s*"
)


@dataclass(frozen=True, slots=True)
class Choice:
    """A design choice that papers state in set words."""

    name: str
    axis: str
    pattern: re.Pattern[str]
    valued: bool = False  # a setting: its value is read after it
    counted: bool = False  # … or before it: "3 epochs"


def _choice(
    axis: str, name: str, words: str, *, valued: bool = False, counted: bool = False
) -> Choice:
    flags = re.I if words.islower() or "(?-i" in words or not re.search(r"\b[A-Z]", words) else 0
    return Choice(name, axis, re.compile(rf"(?<![\w-])(?:{words})(?![\w])", flags), valued, counted)


CHOICES: tuple[Choice, ...] = (
    _choice("optimisation", "learning rate", r"learning[\s-]rates?", valued=True),
    _choice("optimisation", "batch size", r"(?:mini-?\s?)?batch(?:es)?[\s-]sizes?", valued=True),
    _choice("optimisation", "warm-up", r"(?:linear\s+)?warm-?\s?up", valued=True, counted=True),
    _choice("optimisation", "weight decay", r"weight[\s-]decay", valued=True),
    _choice(
        "optimisation",
        "gradient clipping",
        r"gradient[\s-]clipping|clip(?:ped|ping)?\s+(?:the\s+)?gradients?(?:\s+norms?)?",
        valued=True,
    ),
    _choice(
        "optimisation",
        "gradient accumulation",
        r"gradient[\s-]accumulation|accumulat\w+\s+gradients",
    ),
    _choice("optimisation", "Adam", r"Adam(?:\s+optimi[sz]er)?"),
    _choice("optimisation", "AdamW", r"AdamW"),
    _choice("optimisation", "SGD", r"SGD|[Ss]tochastic\s+[Gg]radient\s+[Dd]escent"),
    _choice("optimisation", "Adagrad", r"Ada[Gg]rad"),
    _choice("optimisation", "Adadelta", r"Ada[Dd]elta"),
    _choice("optimisation", "RMSProp", r"RMS[Pp]rop"),
    _choice("optimisation", "Adafactor", r"Ada[Ff]actor"),
    _choice("optimisation", "LAMB", r"LAMB"),
    _choice(
        "optimisation",
        "cosine learning-rate schedule",
        r"cosine\s+(?:annealing|decay|schedule|learning[\s-]rate)",
    ),
    _choice(
        "optimisation",
        "linear learning-rate decay",
        r"linear(?:ly)?\s+(?:learning[\s-]rate\s+)?decay(?:ed|s)?",
    ),
    _choice(
        "optimisation",
        "slanted triangular learning rates",
        r"slanted\s+triangular(?:\s+learning\s+rates?)?",
    ),
    _choice(
        "optimisation",
        "discriminative fine-tuning",
        r"discriminative\s+fine-?tuning|layer-?wise\s+learning[\s-]rate\s+decay",
    ),
    _choice(
        "optimisation", "mixed precision", r"mixed[\s-]precision|half[\s-]precision|(?-i:FP16|fp16)"
    ),
    _choice(
        "regularisation",
        "dropout",
        r"drop-?\s?out(?:\s+(?:rate|probability|layers?))?",
        valued=True,
    ),
    _choice("regularisation", "label smoothing", r"label[\s-]smoothing", valued=True),
    _choice("regularisation", "early stopping", r"early[\s-]stop(?:ping|ped)?"),
    _choice(
        "regularisation",
        "L2 regularisation",
        r"[lL]\s?_?2[\s-](?:regulari[sz]ation|penalty|norm\s+penalty)",
    ),
    _choice("regularisation", "L1 regularisation", r"[lL]\s?_?1[\s-](?:regulari[sz]ation|penalty)"),
    _choice("regularisation", "batch normalisation", r"batch[\s-]normali[sz]ation"),
    _choice("regularisation", "layer normalisation", r"layer[\s-]normali[sz]ation"),
    _choice("regularisation", "stochastic depth", r"stochastic\s+depth|layer-?drop"),
    _choice("regularisation", "adversarial training", r"(?:virtual\s+)?adversarial\s+training"),
    _choice(
        "regularisation",
        "stochastic weight averaging",
        r"stochastic\s+weight\s+averaging|weight\s+averaging",
    ),
    _choice("augmentation", "back-translation", r"back-?\s?translat(?:ion|ed|ions)"),
    _choice("augmentation", "EDA", r"EDA|[Ee]asy\s+[Dd]ata\s+[Aa]ugmentation"),
    _choice("augmentation", "mixup", r"mix-?up|cut-?mix"),
    _choice(
        "augmentation",
        "data augmentation",
        r"data[\s-]augmentation|augment(?:ed|ing)\s+(?:the\s+)?(?:training\s+)?data",
    ),
    _choice(
        "augmentation",
        "random cropping and flipping",
        r"random(?:ly)?\s+(?:crop\w*|(?:horizontal\s+)?flip\w*)",
    ),
    _choice("augmentation", "synonym replacement", r"synonym\s+replacement"),
    _choice("augmentation", "paraphrasing", r"paraphras(?:e|ing)\s+(?:augmentation|generation)"),
    _choice(
        "sampling",
        "class weights",
        r"class[\s-]weight(?:s|ing|ed)?|weighted\s+(?:cross[\s-]entropy|loss)",
    ),
    _choice(
        "sampling", "oversampling", r"over-?\s?sampl(?:e|ed|ing)|up-?sampl(?:ed|ing)|(?-i:SMOTE)"
    ),
    _choice("sampling", "undersampling", r"under-?\s?sampl(?:e|ed|ing)|down-?sampl(?:ed|ing)"),
    _choice(
        "sampling", "negative sampling", r"negative\s+sampling|hard\s+negatives?(?:\s+mining)?"
    ),
    _choice("sampling", "active learning", r"active\s+learning"),
    _choice("sampling", "curriculum learning", r"curriculum\s+learning"),
    _choice(
        "sampling",
        "temperature-based sampling",
        r"temperature[\s-]based\s+sampling|exponential(?:ly)?\s+smooth\w+\s+(?:sampling|weighting)",
    ),
    _choice("loss", "cross-entropy loss", r"cross[\s-]entropy(?:\s+loss)?"),
    _choice("loss", "focal loss", r"focal\s+loss"),
    _choice("loss", "triplet loss", r"triplet\s+(?:loss|objective)"),
    _choice("loss", "contrastive loss", r"contrastive\s+(?:loss|learning|objective)|(?-i:InfoNCE)"),
    _choice("loss", "hinge loss", r"(?:hinge|margin|max-margin)\s+loss"),
    _choice("loss", "mean squared error", r"mean[\s-]squared[\s-]error(?:\s+loss)?"),
    _choice("loss", "CTC loss", r"(?-i:CTC)(?:\s+loss)?|connectionist\s+temporal\s+classification"),
    _choice("transfer", "gradual unfreezing", r"gradual(?:ly)?\s+unfre(?:ez(?:e|ing))"),
    _choice(
        "transfer",
        "further pretraining in the domain",
        r"(?:further|continued|domain[\s-]adaptive)\s+pre-?\s?train(?:ing|ed)?",
    ),
    _choice(
        "transfer", "multi-task learning", r"multi-?\s?task\s+(?:learning|training|fine-?tuning)"
    ),
    _choice(
        "transfer",
        "freezing layers",
        r"(?:fre(?:eze|ezing)|frozen)\s+(?:the\s+)?(?:\w+\s+){0,2}(?:layers?|weights|encoder|parameters|embeddings)",
    ),
    _choice(
        "transfer", "adapters", r"adapter\s+(?:layers?|modules?)|low-rank\s+adaptation|(?-i:LoRA)"
    ),
    _choice("transfer", "domain adaptation", r"domain\s+adaptation"),
    _choice("transfer", "cross-lingual transfer", r"(?:zero-shot\s+)?cross-?\s?lingual\s+transfer"),
    _choice("training", "knowledge distillation", r"(?:knowledge\s+)?distill?(?:ation|ed|ing)"),
    _choice("training", "self-training", r"self-?\s?training|pseudo-?\s?label(?:s|ing|led)?"),
    _choice(
        "training", "semi-supervised learning", r"semi-?\s?supervised(?:\s+learning|\s+training)?"
    ),
    _choice(
        "training",
        "masked language modelling",
        r"masked\s+language\s+model(?:l?ing)?(?:\s+objective)?|dynamic\s+masking|whole[\s-]word\s+masking",
    ),
    _choice("training", "next sentence prediction", r"next\s+sentence\s+prediction"),
    _choice("training", "teacher forcing", r"teacher[\s-]forcing|scheduled\s+sampling"),
    _choice("training", "training epochs", r"(?:training\s+)?epochs", valued=True, counted=True),
    _choice(
        "training",
        "hyper-parameter search",
        r"grid[\s-]search|random\s+search|(?:bayesian|hyper-?\s?parameter)\s+(?:optimi[sz]ation|search|tuning|sweep)",
    ),
    _choice("ensembling", "ensemble", r"ensembl(?:e|es|ing)"),
    _choice("ensembling", "bagging", r"bagging|boosting"),
    _choice("calibration", "temperature scaling", r"temperature\s+scaling"),
    _choice("calibration", "Platt scaling", r"[Pp]latt\s+scaling|[Ii]sotonic\s+regression"),
    _choice("retrieval", "beam search", r"beam[\s-](?:search|size|width)", valued=True),
    _choice("retrieval", "nucleus sampling", r"(?:nucleus|top-?[kp])\s+sampling"),
    _choice(
        "retrieval",
        "few-shot prompting",
        r"(?:few|zero|one)-?\s?shot\s+prompt(?:s|ing)?|in-?context\s+learning|prompt\s+(?:tuning|engineering)|chain[\s-]of[\s-]thought",
    ),
    _choice("retrieval", "reranking", r"re-?rank(?:ing|er|ed)"),
    _choice(
        "retrieval",
        "retrieval augmentation",
        r"retrieval[\s-]augment(?:ed|ation)(?:\s+generation)?",
    ),
    _choice("features", "TF-IDF", r"(?-i:TF-?\s?IDF|tf-?\s?idf)"),
    _choice("features", "bag of words", r"bag[\s-]of[\s-]words"),
    _choice("features", "n-gram features", r"(?:uni|bi|tri|n|character)-?gram\s+features"),
    _choice("features", "lexicon features", r"lexicon(?:\s+|-)(?:features|based)"),
    _choice(
        "features", "POS features", r"(?-i:POS)(?:\s+tags?)?\s+features|part-of-speech\s+features"
    ),
    _choice("representation", "byte-pair encoding", r"byte-?\s?pair\s+encoding|(?-i:BPE)"),
    _choice("representation", "WordPiece", r"(?-i:Word-?[Pp]iece)s?|wordpieces?"),
    _choice("representation", "SentencePiece", r"sentence-?piece"),
    _choice(
        "representation",
        "character embeddings",
        r"char(?:acter)?(?:-level)?\s+(?:embeddings?|representations?|(?-i:CNNs?))",
    ),
    _choice(
        "representation",
        "contextual embeddings",
        r"contextuali?[sz]?e?d?\s+(?:word\s+)?(?:embeddings?|representations?)",
    ),
    _choice(
        "representation",
        "mean pooling",
        r"(?:mean|average|max|attention)[\s-]pooling",
        valued=False,
    ),
    _choice(
        "representation",
        "positional encoding",
        r"position(?:al)?\s+(?:encodings?|embeddings?)|rotary\s+embeddings?",
    ),
    _choice(
        "representation",
        "maximum sequence length",
        r"max(?:imum|imal)?\s+(?:sequence|input|sentence)\s+lengths?",
        valued=True,
    ),
    _choice(
        "architecture",
        "hidden size",
        r"hidden[\s-](?:layer\s+)?(?:size|dimensions?|units?|states?\s+(?:size|of\s+size))",
        valued=True,
        counted=True,
    ),
    _choice("architecture", "residual connections", r"residual\s+connections?|skip\s+connections?"),
    _choice(
        "architecture",
        "parameter sharing",
        r"(?:cross-layer\s+)?(?:parameter|weight)[\s-](?:sharing|tying)",
    ),
    _choice("architecture", "copy mechanism", r"copy(?:ing)?\s+mechanism|coverage\s+mechanism"),
    _choice("cleaning", "deduplication", r"de-?\s?duplicat(?:e|ed|ion|ing)"),
    _choice("cleaning", "lower-casing", r"lower-?\s?cas(?:ed|ing)"),
    _choice("cleaning", "stop-word removal", r"stop-?\s?words?(?:\s+removal)?"),
    _choice("cleaning", "language identification", r"language\s+(?:identification|detection)"),
    _choice("cleaning", "stemming", r"stemming|lemmati[sz](?:ation|ed|ing)"),
    _choice(
        "labelling",
        "crowdsourcing",
        r"crowd-?\s?sourc(?:ed|ing)|crowd-?\s?workers?|(?-i:Mechanical\s+Turk)",
    ),
    _choice("labelling", "distant supervision", r"(?:distant|weak)(?:ly)?[\s-]supervis(?:ion|ed)"),
    _choice(
        "labelling",
        "inter-annotator agreement",
        r"inter-?\s?(?:annotator|rater|coder)\s+(?:agreement|reliability)|(?:cohen|fleiss)['’]?s?\s+kappa",
    ),
    _choice("labelling", "majority vote of annotators", r"majority\s+(?:vote|voting|label)"),
    _choice("data-collection", "web crawl", r"web\s+crawl(?:s|ed|ing)?"),
    _choice(
        "evaluation", "cross-validation", r"(?:(?:\d+|five|ten|k)-fold\s+)?cross-?\s?validation"
    ),
    _choice(
        "evaluation",
        "statistical significance test",
        r"statistical(?:ly)?\s+significan(?:ce|t)|paired\s+t-?\s?test|bootstrap\s+(?:test|resampling)|(?-i:McNemar)",
    ),
    _choice(
        "evaluation",
        "several random seeds",
        r"(?:different|random|several|multiple)\s+(?:random\s+)?seeds|random\s+restarts",
    ),
    _choice(
        "evaluation", "human evaluation", r"human\s+(?:evaluation|evaluators|judg(?:e)?ments?)"
    ),
    _choice("evaluation", "ablation", r"ablation(?:\s+(?:study|studies|experiments?|analysis))?"),
    _choice("deployment", "quantisation", r"quanti[sz]ation|(?-i:INT8|int8)|8-bit"),
    _choice("deployment", "pruning", r"(?:weight|model|structured|magnitude|head)\s+pruning"),
    _choice(
        "deployment",
        "embedding cache and nearest-neighbour search",
        r"(?:approximate\s+)?nearest[\s-]neighbou?r\s+search|(?-i:FAISS|Faiss)",
    ),
)

VALUE_AFTER = re.compile(rf"{GAP}({NUMBER}\s?%?)(?![\w])", re.I)
VALUE_BEFORE = re.compile(rf"(?<![\w.])({NUMBER})(?:\s+(?:training|of))?\s*-?$")


@dataclass(frozen=True, slots=True)
class ChoiceHit:
    """Where a sentence states a design choice, and the value it gives to a setting."""

    choice: Choice
    start: int
    end: int
    value: str = ""


def choices(text: str, sentence: Span) -> Iterator[ChoiceHit]:
    """The design choices that one sentence names."""
    start, end = sentence
    for choice in CHOICES:
        found = choice.pattern.search(text, start, end)
        if found is None:
            continue
        value = _value(text, choice, found, sentence) if choice.valued else ""
        yield ChoiceHit(choice, found.start(), found.end(), value)


@functools.lru_cache(maxsize=4096)
def is_choice(name: str) -> bool:
    """Whether a name is that of a design choice: "AdaFactor" is no model."""
    return any(choice.pattern.fullmatch(name) for choice in CHOICES)


def _value(text: str, choice: Choice, found: re.Match[str], sentence: Span) -> str:
    after = VALUE_AFTER.match(text, found.end(), sentence[1])
    if after:
        return " ".join(after[1].split())
    if not choice.counted:
        return ""
    before = VALUE_BEFORE.search(text[max(sentence[0], found.start() - 24) : found.start()])
    return " ".join(before[1].split()) if before else ""


COMMITTED = re.compile(
    r"\b(?:we|our|us)\b.{0,80}?\b(?:use[ds]?|us(?:ed|ing)|train(?:ed)?|fine-?tun\w+|set|apply|applied|employ\w*|adopt\w*|"
    r"found?|find|choos\w+|chose|optimi[sz]\w+|perform(?:ed)?|add(?:ed)?|initiali[sz]\w+|select\w*|tun(?:e|ed))\b|"
    r"\b(?:is|are|was|were)\s+(?:set|used|trained|optimi[sz]ed|applied|initiali[sz]ed|fine-?tuned)\b",
    re.I | re.S,
)
"""Words by which authors say what they did, not what exists."""
