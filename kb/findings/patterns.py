"""Knows the shapes of names and the turns of phrase beside them that tell data from models.

It refuses to decide: it marks what a sentence says, and `kb.findings.suggest` weighs it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kb.findings.names import key
from kb.findings.sentences import Span

TOKEN = re.compile(
    r"(?<![\w@/\\-])[A-Za-z](?:[\w]*)(?:[-‑–][A-Za-z0-9]+|(?<=\d)\.\d+|-(?=\n[a-z])\n\w+)*"
)
TITLE = r"[A-Z][\w'’-]*[a-z]\w*"
LONG_NAME = re.compile(
    rf"(?<![\w.-])(?:{TITLE}|[A-Z]{{2,}}\d*)(?:\s(?:(?:of|for|in|on|and|from|the|to|with)\s){{0,2}}"
    rf"(?:{TITLE}|[A-Z][A-Z0-9-]+|\d{{1,4}}(?:\.\d)?(?![\w.%])))+"
)

_NOT_NAMES = """
AI ML NLP NLU NLG IR CV QA MT NMT SMT ASR TTS NER POS SRL NLI STS LM LMs MLM NSP SOP SSL RL
LLM LLMs PLM PLMs BPE SPM GPU GPUs CPU CPUs TPU TPUs V100 A100 P100 RAM API APIs URL URLs HTML
XML JSON CSV PDF UTF ASCII SQL BLEU ROUGE ROUGE-1 ROUGE-2 ROUGE-L METEOR TER WER CER F1 F-1 EM
AUC ROC MAP MRR NDCG MSE RMSE MAE BCE KL PPL FLOPs FLOPS Acc Adam AdamW SGD AdaGrad Adagrad
RMSProp Adadelta L1 L2 ReLU GELU Tanh Softmax BatchNorm LayerNorm IID OOD OOV ID IDs TF-IDF
tfidf PCA SVD t-SNE LDA EMNLP NAACL ACL COLING ICML ICLR NIPS NeurIPS AAAI IJCAI CVPR ICCV
ECCV KDD SIGIR WWW INTERSPEECH IEEE ACM TACL LREC CoRR arXiv OpenAI DeepMind Google Facebook
Microsoft Amazon NVIDIA IBM Twitter GitHub HuggingFace PyTorch TensorFlow Keras spaCy NLTK
CoreNLP Moses fairseq OpenNMT Theano CUDA Python Java JavaScript PHP Ruby LaTeX USA US UK EU
UN MIT CMU NSF DARPA PhD FAIR I II III IV VI VII VIII IX XI English French German Spanish
Chinese Arabic Russian Hindi Urdu Swahili Japanese Korean Italian Dutch Mechanical-Turk AMT
MTurk vs eg ie etc TODO Eq Fig Table Section Appendix OK HIT HITs NP VP PP NN VB DT PMI ID2
SOTA SoTA Wikipedia web SIFT HOG FFN FC GPUs-h pre-training pretraining fine-tuning finetuning
NLP-tasks CoNLL Ph.D E2E N/A n-gram W2 X1 X2 Q1 Q2 A1 A2 H1 H2 H3 BoW CLS SEP MASK PAD UNK EOS
BOS NULL ADD SUB BASE LARGE SMALL AVG MAX MIN AND OR NOT GB MB KB TB ICA k-NN kNN kNNs
RNN-based TL DR MSc EDA AR AE DL NN NNs ANN ANNs DNNs SSL-based MCMC MLE MAP-estimation ELBO
KLD JS SE TRAIN DEV TEST TRAIN-ALL ALL NEW YES TRUE FALSE Mechanical Turk Brain Research Cloud
"""
NOT_NAMES = frozenset(key(word) for word in _NOT_NAMES.split())
"""Keys of what has the shape of a name and names no data and no model: metrics, tasks, venues."""

_NOT_FIRST = """
The A An In On For We Our This These That Those It As At By To From With While When Where If
Then However Moreover Furthermore Finally First Second Third Table Tables Figure Figures Fig
Section Sections Appendix Equation Eq Algorithm Chapter Theorem Lemma Proposition Using Both
All Each Every Some Many Most Another Other Following Although Since Because Similarly Similar
Here There Thus Hence Also And But Or Not No Recent Recently Given Unlike Like Let Note
Results Experiments Experimental Related Work Introduction Conclusion Conclusions Discussion
Methods Method Model Models Data Dataset Datasets Training Evaluation Analysis Task Tasks
Baseline Baselines Abstract Acknowledgments Acknowledgements References January February March
April May June July August September October November December Monday University Department
Institute Prof Dr Mr Mrs
"""

NOT_FIRST = frozenset(_NOT_FIRST.split())
"""Capitalised words that begin a sentence or a heading, not a name."""

CITED = re.compile(
    r"\s*(?:et\s+al|and\s+[A-Z][\w-]+,?\s*[\[(]?(?:19|20)\d\d|,?\s*[\[(]?(?:19|20)\d\d[a-z]?\b)"
)
PAREN = r"(?:\s*(?:\((?:[^()]|\([^()]*\)){0,120}\)|\[[^\]]{0,60}\]))?"
JOINED = re.compile(
    rf"{PAREN}\s*(?:,\s*(?:and|or)?|;|\band\b|\bor\b|&|/|\bas well as\b)"
    r"\s*(?:the\s+|on\s+|then\s+)?"
)


@dataclass(frozen=True, slots=True)
class NameSpan:
    """A stretch of text that has the shape of a name."""

    start: int
    end: int
    shape: str  # "mixed", "acronym", "digits", "title"


METRIC_NAME = re.compile(r"(?:Sacre)?BLEU|ROUGE|(?:nD|ND)CG|[Ff]1\b|[Pp]@\d|METEOR")
LEADING_WORD = re.compile(r"^[a-z]{3,}[-‑–]")
HANGING_WORD = re.compile(r"[-‑–](?!(?:base|large|small|tiny|net)\b)[a-z]{3,}\w*$")
"""Everyday words joined to what may be a name: "size-M"; "BERT-based", "MAX-strategy"."""


def shape_of(word: str) -> str:
    """What makes a word look like a name: "mixed" case, "acronym", "digits", or "" for nothing."""
    if METRIC_NAME.match(word):
        return ""
    bare = re.sub(r"[\W_]", "", LEADING_WORD.sub("", word))
    if len(bare) < 3 or bare.islower():
        return ""
    if any(map(str.isdigit, bare)):
        return "digits" if any(map(str.isupper, bare)) else ""
    if bare.isupper():
        return "acronym"
    if re.search(r"[a-z][A-Z]|[A-Z]{2}", bare):
        return "acronym" if re.fullmatch(r"[A-Z]{2,}s", bare) else "mixed"
    return ""


def name_spans(text: str, start: int, end: int) -> list[NameSpan]:
    """Name-shaped stretches of one sentence in order, none overlapping, the longest kept."""
    found = [*_titles(text, start, end), *_tokens(text, start, end)]
    found.sort(key=lambda n: (n.start, -n.end))
    kept: list[NameSpan] = []
    for name in found:
        if not kept or name.start >= kept[-1].end:
            kept.append(name)
    return kept


def _tokens(text: str, start: int, end: int) -> Iterator[NameSpan]:
    for token in TOKEN.finditer(text, start, end):
        hanging = HANGING_WORD.search(token[0])
        word = token[0][: hanging.start()] if hanging else token[0]
        shape = shape_of(word)
        if shape and key(word) not in NOT_NAMES and not CITED.match(text, token.end(), end):
            yield NameSpan(token.start(), token.start() + len(word), shape)


def _titles(text: str, start: int, end: int) -> Iterator[NameSpan]:
    for title in LONG_NAME.finditer(text, start, end):
        if CITED.match(text, title.end(), end):
            continue
        at = title.start()
        for piece in _apart(title[0]):
            words = list(re.finditer(r"\S+", piece))
            while words and (words[0][0] in NOT_FIRST or words[0][0].islower()):
                words = words[1:]
            if len(words) > 1 and not all(map(_says_nothing, words)):
                yield NameSpan(at + words[0].start(), at + words[-1].end(), "title")
            at += len(piece)


def _apart(title: str) -> list[str]:
    """A title cut before each "and" that joins names, not the words of one name."""
    pieces = [title]
    for joint in reversed(list(re.finditer(r"(\S+)\s+and\s+(\S+)", title))):
        if shape_of(joint[1]) or shape_of(joint[2]):
            at = joint.end(1)
            pieces[:1] = [title[:at], pieces[0][at:]]
            title = title[:at]
    return pieces


def _says_nothing(word: re.Match[str]) -> bool:
    return key(word[0]) in NOT_NAMES or word[0] in NOT_FIRST or word[0].islower()


def chains(text: str, names: Sequence[NameSpan]) -> list[list[NameSpan]]:
    """Names that stand in one enumeration ("X, Y (Author, 2019) and Z"), together."""
    grouped: list[list[NameSpan]] = []
    for name in names:
        if grouped and JOINED.fullmatch(text, grouped[-1][-1].end, name.start):
            grouped[-1].append(name)
        else:
            grouped.append([name])
    return grouped


DATA_WORD = (
    r"(?:data\s?-?sets?|corpus|corpora|benchmarks?|tree\s?banks?|test\s?-?sets?|dev(?:elopment)?\s+sets?"
    r"|train(?:ing)?\s+sets?|validation\s+sets?|evaluation\s+sets?|leaderboard|shared\s+task|challenge"
    r"|collections?|test\s+suite|(?:training|test|dev|development|validation|pre-?training)\s+(?:data|split)"
    r"|data\b)"
)
MODEL_WORD = (
    r"(?:(?:language\s+|sentence\s+|pre-?trained\s+)?models?\b|(?:word\s+|sentence\s+)?embeddings?\b|encoders?\b"
    r"|decoders?\b|networks?\b|classifiers?\b|architectures?\b|baselines?\b|checkpoints?\b|weights\b"
    r"|tokeni[sz]ers?\b|representations?\b|vectors\b|layers?\b|variants?\b|parameters\b|backbone\b)"
)
CITES = r"(?:\s*(?:\((?:[^()]|\([^()]*\)){0,120}\)|\[[^\]]{0,60}\]|\d{1,2}(?=\s)))*"
"""Citations and footnote marks that stand between a name and what is said of it."""
FILL = (
    r"(?:\s+(?!(?:and|or|is|are|on|in|to|for|with|of|by|than|using|which|that)\b|model|data|corpus)"
    r"[\w'’-]+){0,2}?"
)

AFTER: dict[str, re.Pattern[str]] = {
    "data noun": re.compile(rf"(?:['’]s)?{CITES}[\s-]*{FILL}\s*{DATA_WORD}", re.I),
    "data task": re.compile(
        rf"{CITES}\s+(?:and\s+\S+\s+)?(?:tasks?|accuracy|scores?|results?|F1|dev|test|leader)\b",
        re.I,
    ),
    "model noun": re.compile(rf"(?:['’]s)?{CITES}[\s-]*{FILL}\s*{MODEL_WORD}", re.I),
    "model acts": re.compile(
        rf"{CITES}\s*,?\s+(?:also\s+|significantly\s+|consistently\s+|can\s+|could\s+)?(?:achieves?|outperforms?|"
        r"obtains?|performs?|improves?|learns?|generates?|encodes?|predicts?|uses?|employs?|beats?|"
        r"surpass(?:es)?|(?:is|was|were|are)\s+(?:pre-?)?trained|fine-?tuned|fails?|relies|produces?|"
        r"(?:is|are)\s+able|trained\s+(?:with|on|for|using))\b"
    ),
    "data is": re.compile(
        rf"{CITES}\s*,?\s+(?:is\s+an?\s+(?:[\w-]+\s+){{0,5}}{DATA_WORD}|(?:contains?|consists?\s+of|"
        r"comprises?|provides?|includes?)\b|(?:was|were)\s+(?:collected|annotated|created|constructed))",
        re.I,
    ),
    "model is": re.compile(
        rf"{CITES}\s*,?\s+(?:is|,)?\s*an?\s+(?:[\w-]+\s+){{0,5}}(?:model|network|encoder|architecture)\b",
        re.I,
    ),
}
TRAIN = r"(?:(?:re-?|pre-?)?train(?:ed|ing|s)?|fine-?tun(?:e|ed|ing|es))"
MEASURE = (
    r"(?:evaluat\w+|test(?:ed|ing)?|experiment(?:s|ed|ing)?|results?|performances?|accurac(?:y|ies)|scores?|F1|"
    r"perplexity|improve\w*|gains?|state[\s-]of[\s-]the[\s-]art|SOTA|report(?:ed)?|benchmark(?:ed)?|achieve\w*|"
    r"outperform\w*|perform\w*|validat\w+|error)"
)
BEFORE: dict[str, re.Pattern[str]] = {
    "trained on": re.compile(
        rf"\b{TRAIN}\s+(?:[\w%,.-]+\s+){{0,4}}?(?:on|over|from|using)\s+(?:the\s+|both\s+|all\s+)?(?:[\w-]+\s+){{0,2}}$",
        re.I,
    ),
    "measured on": re.compile(
        rf"\b{MEASURE}\s+(?:[\w%,.-]+\s+){{0,6}}?(?:on|over|for|in|across)\s+(?:the\s+|both\s+|all\s+)?(?:[\w-]+\s+){{0,1}}$",
        re.I,
    ),
    "on": re.compile(r"\b(?:on|On)\s+(?:the\s+)?$"),
    "data list": re.compile(
        rf"\b{DATA_WORD}{CITES}\s*(?:,?\s*(?:such\s+as|like|including|called|named|namely|i\.e\.,?|e\.g\.,?)|:|,|\(|are|is)?\s*(?:the\s+)?$",
        re.I,
    ),
    "data new": re.compile(
        r"\b(?:sampled|drawn|collected|taken|extracted|derived|crawled|annotated|examples|sentences|articles|images|pairs|instances|subset|split|portion|part)\s+(?:of|from|in)\s+(?:the\s+)?$",
        re.I,
    ),
    "fine-tune": re.compile(
        r"\b(?:fine-?tun(?:e|ed|ing|es)|pre-?trained|initiali[sz]ed?\s+(?:with|from|by|using)|initiali[sz]e\s+(?:\w+\s+){0,4}(?:with|from))\s+(?:the\s+|a\s+|our\s+)?(?:[\w-]+\s+){0,1}$",
        re.I,
    ),
    "model list": re.compile(
        rf"\b{MODEL_WORD}{CITES}\s*(?:,?\s*(?:such\s+as|like|including|called|named|dubbed|namely|i\.e\.,?|e\.g\.,?)|:|,|\()\s*(?:the\s+)?$",
        re.I,
    ),
    "proposed": re.compile(
        r"\b(?:we|which\s+we|and)\s+(?:propose|introduce|present|call|name|develop|dub|denote)\s+(?:\w+\s+){0,2}$|\b(?:called|dubbed|named|coined)\s+$",
        re.I,
    ),
    "compared": re.compile(
        r"\b(?:outperform(?:s|ed|ing)?|compar\w+\s+(?:to|with|against)|than|beat(?:s|ing)?|surpass\w*|over|like|unlike|similar\s+to|based\s+on|following|built\s+on|variants?\s+of|version\s+of|layers?\s+of|architecture\s+of)\s+(?:the\s+|that\s+of\s+)?(?:[\w-]+\s+){0,1}$",
        re.I,
    ),
    "used": re.compile(
        r"\b(?:us(?:e|ed|es|ing)|apply(?:ing)?|employ(?:s|ed|ing)?|with|train(?:ed|ing)?|adopt(?:s|ed)?)\s+(?:the\s+|an?\s+)?$",
        re.I,
    ),
}

MODEL_NAME = re.compile(
    r"(?:BERT|Bert|BERTa|[Ff]ormer|Net|Nets|GAN|GANs|LSTM|GRU|RNN|CNN|LM|GPT(?:-\d)?|2[Vv]ec|VAE|CRF|"
    r"Encoder|BART|T5|Vec|AE|Transformer|(?:[Bb]ase|BASE|[Ll]arge|LARGE|-small))(?:-?\d+)?$|^(?:GPT|XLM|BERT|T5-)"
)
DATA_NAME = re.compile(
    r"(?:Bank|bank|QA|NLI|Corpus|Dataset|Data|Benchmark|Treebank|TreeBank|Challenge|Bench|MNIST|Set|DB|Collection|"
    r"QuAD|Questions|Reviews|Tweets|-\d{2,4}k?|News|Eval)(?:[- v]*\d[\d.]*)?$"
    r"|^(?:CoNLL|SemEval|TREC|WMT|IWSLT|CIFAR|ImageNet|ACE|MUC|CLEF|DUC|NIST|SIGHAN|Wiki[A-Z])"
)


def cues(text: str, first: int, last: int, sentence: Span) -> set[str]:
    """Which turns of phrase stand before offset `first` and after `last` within the sentence."""
    before = text[max(sentence[0], first - 90) : first]
    found = {name for name, pattern in BEFORE.items() if pattern.search(before)}
    found |= {name for name, pattern in AFTER.items() if pattern.match(text, last, sentence[1])}
    return found


IN_BRACKETS = re.compile(r"\s?\(([A-Za-z][\w.-]{1,14})(?:[;,][^()]*)?\)")


NOT_OF_DATA = re.compile(
    r"(?:disambiguation|recognition|classification|translation|summari[sz]ation|detection"
    r"|extraction|parsing|tagging|labell?ing|retrieval|linking|resolution|generation|answering"
    r"|modell?ing|analysis|learning|networks?|models?|processing|algorithm|optimi[sz]ation)$",
    re.I,
)
"""Last words of long forms that name a task or a method: "named entity disambiguation (NED)"."""


def definitions(text: str, start: int, end: int) -> Iterator[tuple[Span, Span]]:
    """(long form, acronym) of every "Stanford Sentiment Treebank (SST)" between two offsets."""
    for found in IN_BRACKETS.finditer(text, start, end):
        acronym = found[1]
        if sum(map(str.isupper, acronym)) < 2:
            continue
        long = _long_form(text, start, found.start(), acronym)
        if long is not None:
            yield long, found.span(1)


def _long_form(text: str, start: int, end: int, acronym: str) -> Span | None:
    """The words before `end` whose initials spell the acronym's capitals, last to first."""
    wanted = [c.lower() for c in acronym if c.isalpha() and c.isupper()]
    words = list(re.finditer(r"[A-Za-z0-9]+", text[max(start, end - 120) : end]))
    base = max(start, end - 120)
    for count in range(len(wanted), min(len(words), len(wanted) + 4) + 1):
        chosen = words[len(words) - count :]
        initials = [w[0][0].lower() for w in chosen]
        if initials and initials[0] == wanted[0] and _in_order(wanted, chosen):
            return base + chosen[0].start(), end
    return None


def _in_order(wanted: Sequence[str], words: Sequence[re.Match[str]]) -> bool:
    """Whether the letters stand in the words in order, each at a word's start or in a capital."""
    letters = [c.lower() for w in words for i, c in enumerate(w[0]) if i == 0 or c.isupper()]
    rest = iter(letters)
    return all(any(c == letter for letter in rest) for c in wanted)
