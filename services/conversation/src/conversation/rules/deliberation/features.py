"""What the words of an option say about it: for options that the problem names itself. Data, matched by stem."""

FEATURES: dict[str, tuple[tuple[str, ...], dict[str, tuple[float, str]]]] = {
    "anew": (("rewrite", "rebuild", "from scratch", "start over", "new building", "build new", "redesign", "build"), {
        "speed": (-0.22, "everything has to exist before anything helps"),
        "risk": (-0.2, "what the old way does silently is found out late"),
        "quality": (0.18, "it can be made the way it should have been"),
        "effort": (-0.12, "it takes the people who also keep the present running"),
        "reversibility": (-0.1, "half of it is worth nothing")}),
    "bought": (("buy", "purchase", "vendor", "off the shelf", "ready made", "saas", "subscription", "licence",
        "license", "lease"), {
        "speed": (0.2, "it exists already"),
        "cost": (-0.1, "the fee comes every year"),
        "reversibility": (-0.18, "leaving a supplier costs more each year"),
        "effort": (0.15, "somebody else maintains it"),
        "goal_fit": (-0.08, "it fits the average customer and not this one")}),
    "stepwise": (("step by step", "gradual", "gradually", "incremental", "phased", "in phases", "pilot", "trial",
        "test first", "split", "part of"), {
        "risk": (0.18, "one piece at a time is exposed"),
        "reversibility": (0.2, "each step can be taken back"),
        "learning": (0.18, "each step shows something before the next"),
        "speed": (-0.1, "the last piece comes late")}),
    "at_once": (("at once", "immediately", "big bang", "overnight", "all in one go", "straight away"), {
        "speed": (0.22, "it is done on one day"),
        "risk": (-0.25, "everything is exposed on that day"),
        "reversibility": (-0.15, "there is no step to go back to")}),
    "stay": (("keep", "stay", "stay with", "remain", "existing", "current", "as is", "do nothing", "status quo",
        "maintain", "repair", "renovate"), {
        "cost": (0.15, "little has to be bought"),
        "risk": (0.1, "its faults are known"),
        "goal_fit": (-0.18, "what is wrong today stays with it"),
        "effort": (0.1, "nobody has to change habits")}),
    "forbid": (("ban", "forbid", "prohibit", "stop", "abolish", "close", "cancel", "remove", "end"), {
        "speed": (0.2, "it is in force on one day"),
        "acceptance": (-0.22, "those who lose something will work against it"),
        "compliance": (0.12, "a clear line can be checked"),
        "learning": (-0.15, "nobody learns to handle what is not there")}),
    "restrict": (("only in", "only during", "limit", "restrict", "partly", "allow", "permit", "certain", "ration"), {
        "acceptance": (0.12, "each side gets a part"),
        "effort": (-0.12, "somebody has to watch where the line is"),
        "reversibility": (0.12, "the line can be moved either way")}),
    "integrate": (("teach", "integrate", "use it", "use them", "educate", "train", "with phone", "embrace",
        "together with", "partner", "cooperate"), {
        "learning": (0.22, "people learn to handle it"),
        "acceptance": (0.12, "it takes people seriously"),
        "effort": (-0.18, "those who carry it out need time and training"),
        "speed": (-0.1, "it takes a while until habits change")}),
    "outsource": (("outsource", "agency", "contractor", "freelance", "external", "consultant", "third party",
        "franchise"), {
        "effort": (0.18, "own people are not tied up"),
        "cost": (-0.12, "their margin is paid too"),
        "quality": (-0.08, "the result depends on people we do not direct"),
        "learning": (-0.12, "the knowledge stays outside")}),
    "hire": (("hire", "recruit", "employ", "new staff", "more people", "in house", "own team"), {
        "cost": (-0.18, "salaries are paid for years"),
        "speed": (-0.15, "finding and training people takes months"),
        "quality": (0.12, "own people learn the case"),
        "scalability": (0.08, "hands are there for the next task too")}),
    "automate": (("automate", "automation", "robot", "ai", "chatbot", "self service", "machine", "digital"), {
        "scalability": (0.2, "more of it hardly costs more"),
        "effort": (0.12, "routine leaves people's hands"),
        "risk": (-0.15, "an error is repeated until somebody sees it"),
        "acceptance": (-0.1, "some people want a person")}),
    "online": (("online", "remote", "virtual", "from home", "web", "app", "mobile"), {
        "scalability": (0.18, "place does not limit it"),
        "cost": (0.1, "no room has to be paid"),
        "acceptance": (-0.1, "those who do not like screens are left out"),
        "quality": (-0.05, "less is noticed than in one room")}),
    "onsite": (("office", "in person", "on site", "shop", "stand", "physical", "door to door", "local"), {
        "acceptance": (0.12, "people meet"),
        "cost": (-0.12, "rooms and ways are paid"),
        "scalability": (-0.15, "it reaches only who is near")}),
    "cheap": (("cheap", "discount", "lower price", "free", "second hand", "used", "borrow", "low cost"), {
        "cost": (0.2, "little money is bound"),
        "quality": (-0.12, "what is cheap is often so for a reason")}),
    "rented": (("rent", "hire a", "charter"), {
        "reversibility": (0.15, "it is given back when it is not needed"),
        "cost": (-0.06, "it is paid for as long as it is used"),
        "speed": (0.1, "it is there on the day it is booked")}),
    "outdoors": (("outdoor", "outdoors", "open air", "outside", "in the park", "in the garden"), {
        "risk": (-0.18, "the weather decides"),
        "acceptance": (0.12, "whoever passes by can join"),
        "scalability": (0.15, "nobody is turned away for want of seats"),
        "cost": (0.06, "no room is paid")}),
    "dear": (("premium", "expensive", "luxury", "high end", "large", "expand", "extension", "invest"), {
        "cost": (-0.2, "much money is bound"),
        "quality": (0.15, "means allow for quality"),
        "scalability": (0.1, "there is room to grow into")}),
    "later": (("postpone", "wait", "later", "delay", "next year", "defer", "pause"), {
        "speed": (-0.25, "nothing improves meanwhile"),
        "learning": (0.12, "more is known then"),
        "risk": (0.08, "nothing new can break")}),
    "central": (("centralise", "centralize", "central", "single", "one system", "merge", "consolidate"), {
        "cost": (0.1, "one of it is cheaper than several"),
        "risk": (-0.12, "everything hangs on it"),
        "quality": (0.08, "one way of doing it")}),
    "several": (("decentralise", "decentralize", "several", "microservice", "distributed", "separate",
        "local teams", "many"), {
        "scalability": (0.18, "parts grow by themselves"),
        "effort": (-0.18, "every part has to be run"),
        "risk": (0.05, "one part failing leaves the others")}),
    "cloud": (("cloud", "hosted", "managed service"), {
        "scalability": (0.2, "capacity is added by a setting"),
        "effort": (0.12, "the machines are somebody else's work"),
        "cost": (-0.05, "the bill follows the use"),
        "compliance": (-0.08, "the data are with somebody else")}),
    "own_servers": (("on premise", "on premises", "self host", "own server", "own hardware", "in our data center"), {
        "compliance": (0.18, "the data stay in the house"),
        "effort": (-0.2, "machines have to be looked after"),
        "scalability": (-0.12, "capacity is bought in steps")}),
    "green": (("solar", "wind", "electric", "organic", "recycled", "renewable", "heat pump", "bicycle",
        "vegetarian"), {
        "acceptance": (0.1, "most people find it right"),
        "cost": (-0.1, "it is paid before it saves"),
        "scalability": (0.08, "it becomes cheaper with time")}),
}  # fmt: skip
"""Feature → (phrases, criterion → (how far it moves the score, why)). Strengths are assumed."""

JUDGEMENTS: dict[tuple[str, float], tuple[str, ...]] = {
    ("cost", -0.15): ("expensive", "costly", "overpriced", "over budget", "too dear", "pricey"),
    ("cost", 0.15): ("cheap", "affordable", "inexpensive", "saves money", "low cost", "grant pays", "free",
                 "costs nothing"),
    ("speed", -0.15): ("slow", "take long", "takes too long", "long time", "delayed", "far", "late"),
    ("speed", 0.15): ("quick", "fast", "rapid", "ready", "available now", "near", "close"),
    ("risk", -0.15): ("risky", "dangerous", "unsafe", "outage", "fail", "failing", "crash", "unstable", "injury"),
    ("risk", 0.15): ("safe", "stable", "proven", "tested", "mature"),
    ("quality", -0.15): ("poor", "bad", "defect", "buggy", "unreliable", "outdated", "mistake", "noisy", "cold",
                         "worn", "broken", "old"),
    ("quality", 0.15): ("reliable", "good", "excellent", "high quality", "better", "accurate"),
    ("acceptance", -0.15): ("complain", "hate", "oppose", "unpopular", "dislike", "resist", "against", "fear"),
    ("acceptance", 0.15): ("love", "popular", "support", "prefer", "welcome", "like it"),
    ("effort", -0.15): ("complex", "difficult", "hard", "overworked", "much work", "maintenance"),
    ("effort", 0.15): ("easy", "simple", "little work"),
    ("compliance", -0.15): ("illegal", "violate", "not allowed", "unlicensed"),
    ("compliance", 0.15): ("certified", "compliant", "approved"),
    ("scalability", -0.15): ("limited", "cannot grow", "does not scale", "small", "narrow", "cramped", "full"),
    ("scalability", 0.15): ("scale", "room to grow", "flexible", "large", "big", "spacious", "roomy"),
}  # fmt: skip
"""(criterion, move) → words with which a text judges an option it names in the same sentence."""
