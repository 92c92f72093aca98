"""Names for runs whose client gave none: two words and a number, at most 20 characters."""

import secrets

# Only words that MLflow's own names begin with, too: its clients know a made name by its first word.
_ADJECTIVES = (
    "able aged amazing amusing big bold bouncy brawny bright bustling calm capable carefree caring casual charming"
    " chill classy clean colorful dapper dashing dazzling fearless flawless fun gentle gifted kindly learned"
    " likeable luminous lyrical melodic merciful nimble orderly peaceful placid polite popular powerful rare"
    " salty sedate serious silent sincere skillful smiling spiffy stately stylish tasteful unique upbeat useful"
    " valuable wise wistful youthful zealous"
)
_NOUNS = (
    "badger bison bream carp clam cobra condor coot crane cricket curlew dove eagle eel egret elk falcon ferret finch"
    " fox gecko gibbon gull hare hawk heron hornet ibex ibis jackal jay kestrel kiwi koala krill lark lemur limpet lynx"
    " magpie marten mole moose mussel newt ocelot orca osprey otter owl oyster panda petrel pike plover prawn puffin"
    " quail raven robin salmon seal shrimp skua snail squid stoat stork swan swift tapir tern toad trout turtle vole"
    " walrus weasel whelk wombat wren yak zebra"
)


def random_name() -> str:
    return f"{secrets.choice(_ADJECTIVES.split())}-{secrets.choice(_NOUNS.split())}-{secrets.randbelow(1000)}"
