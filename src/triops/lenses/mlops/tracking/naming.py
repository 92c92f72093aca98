"""Names for runs whose client gave none: two words and a number, at most 20 characters."""

import secrets

_ADJECTIVES = (
    "agile amber arctic bold brave brisk bright calm clever coral crisp deft eager early fair fleet fresh gentle glad"
    " golden grand happy hardy honest jolly keen kind lively lucid lucky mellow merry mild misty neat nimble noble"
    " patient plucky proud quick quiet rapid ready rosy royal rustic serene sharp silent silver smart snowy solar spry"
    " steady stoic stout sunny swift tidy tough vivid warm wary wild wise witty young zesty"
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
