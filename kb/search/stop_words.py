"""English words that a question is phrased with and that tell no passage from another.

Function words, and the verbs and nouns of asking for literature ("papers about …"). It knows no
words of the subject: "model", "data" and "method" are rare enough in some library to matter.
"""

from __future__ import annotations

_FUNCTION = """
a about above across after again against all almost along already also although always am among an
and another any anyone anything are aren around as at away be became because become becomes been
before being below between both but by can cannot could couldn did didn do does doesn doing don done
down during each either else enough etc even ever every everything few for from further get gets
give given gives go goes had hadn has hasn have haven having he hence her here hers herself him
himself his how however i if in instead into is isn it its itself just least less let like ll made
make makes many may me might mine more moreover most much must my myself near neither never no nor
not nothing now of off often on once one only onto or other others otherwise our ours ourselves out
over own per perhaps please quite rather re really s same say see seem seems several shall she
should shouldn since so some something sometimes still such t than that the their theirs them
themselves then there thereby therefore these they this those though through thus to together too
toward towards under until up upon us use used uses using ve very via want was wasn way we well were
weren what whatever when where whereas whether which while who whom whose why will with within
without won would wouldn yes yet you your yours yourself yourselves
"""

_ASKING = """
anybody article articles concerning deal dealing deals describe described describing discuss
discussed find interest interested know looking paper papers possible regarding tell work works
"""

STOP_WORDS = frozenset((_FUNCTION + _ASKING).split())
