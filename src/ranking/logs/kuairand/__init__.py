"""A real log, KuaiRand-Pure, read into the type that every chapter consumes.

KuaiRand is a log of the short-video app Kuaishou (快手) from April and May 2022. It was collected and
published by Gao et al., *KuaiRand: An Unbiased Sequential Recommendation Dataset with Randomly Exposed
Videos*, CIKM 2022, doi 10.1145/3511808.3557624, under CC BY-SA 4.0. It is never stored with this course:
:func:`find_kuairand` looks for it on this machine, :func:`download_kuairand` fetches it.

What the columns mean, where that is not what one would think:

- ``click`` (``is_click``) is a tap in the two-column tab. In the single-column tabs, which play at once, it
  is a rule on the play: the whole video if it lasts up to 7 s, else more than 7 s. ``long_view`` is the
  same rule with 18 s in every tab. :func:`single_column` makes a log without clicks of those tabs.
- ``like`` and ``share`` (``is_forward``) are not conditional on ``click``: about one like in six stands on
  a row without a click. There is no label for collecting, and no id of the request.
- ``watch_time`` is the play time whether there was a click or not; most rows without a click have some,
  from the tabs that play at once. It can exceed ``duration``, as videos start over.
- ``duration`` is NaN where the log says 0, which means that it is not known.
- ``hour`` and ``weekday`` come from ``time_ms`` at UTC+8. The log's own ``date`` and ``hourmin`` name
  another hour on about one row in six, and are not used.
- ``tab`` is the part of the app. It is a strong confounder: click rates of 9% to 60%.
- ``randomised`` (``is_rand``) marks impressions of random exposure.

``video_features_statistic_pure.csv`` is left unread: it averages over the whole month, so that a model that
takes it as a feature has seen the future.
"""

from ranking.logs.kuairand.files import LOGS, download_kuairand, find_kuairand
from ranking.logs.kuairand.loading import load_kuairand
from ranking.logs.kuairand.surfaces import single_column

__all__ = ["LOGS", "download_kuairand", "find_kuairand", "load_kuairand", "single_column"]
