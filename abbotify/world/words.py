"""The words that made-up titles and names are put together from."""

from __future__ import annotations

from typing import Final


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


MODIFIERS: Final = _words(
    """
    amber ancient autumn blue borrowed brass bright broken burning calm candle careful cedar
    chalk cloudless cobalt copper coral crimson crystal curious dancing distant drifting dusty
    early eastern electric emerald empty endless evening faded falling feather final flying
    folded forgotten foreign fragile frozen gentle glass golden granite green half hidden high
    hollow honest hundred indigo iron ivory jade lazy lemon little lonely long lost lucky lunar
    marble midnight misty modern morning moving narrow neon nine northern ocean olive open
    orange ordinary other painted paper patient perfect pine plastic quiet radio rainy rapid
    red restless river rolling rusty salt sandy scarlet second secret seven shining silent
    silver simple single sleeping slow small smoky snowy soft solar southern spare spring
    stolen stone strange sudden summer sunny tender thin thousand tidal tin tired tiny turning
    velvet violet wandering warm western white wild willow winding winter wooden yellow young
    """
)
NOUNS: Final = _words(
    """
    acrobat airport alley anchor answer apple archive arrow atlas avenue bakery balcony balloon
    bell bicycle bird blanket boat bonfire bottle branch bridge button cabin camera canal candle
    canyon carnival carousel castle cathedral chair cinema circle city clock coast compass
    corner corridor cottage courtyard crossing curtain daylight desert diary door dream echo
    elevator engine envelope escape fable farewell feather ferry field fire flag flower forest
    fountain friend garden gate ghost glove guitar harbour hill holiday horizon horse hotel hour
    house island journey kite ladder lake lamp lantern leaf letter library lighthouse machine
    map market meadow memory message mirror moon mountain museum needle night notebook number
    orchard painting parade passenger path pebble piano picture pillow planet platform pocket
    postcard promise puzzle railway rain rainbow river road robin roof room rope sailor satellite
    season shadow shelter ship signal sister sky snow song sparrow square stage staircase star
    station steeple stone storm story stranger street suitcase summer swing table telegram
    theatre thread ticket tide tower traffic train traveller tree umbrella valley veranda village
    visitor voice wagon wall waltz watch water wave weather wheel whistle window wing winter
    """
)
SYLLABLES: Final = _words(
    """
    al an ar bel bor bren cal cor dal den dor el en far fen gal gar hal hel in kal kel lan lin
    lor mar mel mir mor nal nel nor ol or pel per ral ren ril ros sal sel sol tal tam tel tor
    val vel ven vin wel wen wil yar yel zan zel
    """
)
STYLES: Final = _words(
    """
    folk house jazz pop rock soul techno blues ambient disco funk swing metal punk reggae gospel
    country electro
    """
)
SCENES: Final = _words(
    """
    coast city northern garage chamber desert dream forest glass harbour island kitchen late
    midnight mountain neon night parlour railway river rooftop southern summer tape valley winter
    """
)
