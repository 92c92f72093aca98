"""Words that fillings are made of: of trades, streets, firms, peoples."""


def _of(text: str) -> list[str]:
    return [" ".join(word.split()) for word in text.split(";")]


# nationalities, faiths, parties
NRPS = _of("""
American; British; English; Scottish; Welsh; Irish; French; German; Dutch; Belgian; Swiss; Austrian; Italian;
Spanish; Portuguese; Greek; Turkish; Russian; Ukrainian; Polish; Czech; Slovak; Hungarian; Romanian; Bulgarian;
Serbian; Croatian; Slovenian; Bosnian; Albanian; Macedonian; Estonian; Latvian; Lithuanian; Finnish; Swedish;
Norwegian; Danish; Icelandic; Canadian; Mexican; Cuban; Jamaican; Haitian; Brazilian; Argentinian; Argentine;
Chilean; Peruvian; Bolivian; Colombian; Venezuelan; Ecuadorian; Uruguayan; Paraguayan; Guatemalan; Honduran;
Nicaraguan; Panamanian; Egyptian; Moroccan; Algerian; Tunisian; Libyan; Sudanese; Ethiopian; Kenyan; Ugandan;
Tanzanian; Nigerian; Ghanaian; Senegalese; Ivorian; Cameroonian; Congolese; Angolan; Zambian; Zimbabwean; Namibian;
Somali; Rwandan; Malian; Israeli; Palestinian; Lebanese; Syrian; Jordanian; Iraqi; Iranian; Persian; Kurdish; Saudi;
Yemeni; Omani; Emirati; Qatari; Kuwaiti; Afghan; Pakistani; Indian; Bangladeshi; Nepalese; Nepali; Bhutanese;
Tibetan; Chinese; Taiwanese; Japanese; Korean; Mongolian; Vietnamese; Thai; Laotian; Cambodian; Burmese; Malaysian;
Malay; Singaporean; Indonesian; Filipino; Australian; Maori; Fijian; Samoan; Tongan; Kazakh; Uzbek; Georgian;
Armenian; Azerbaijani; Maltese; Cypriot; Barbadian; Bahamian; Trinidadian; Dominican; Salvadoran; Arab; Arabic;
Asian; European; African; Latino; Latina; Hispanic; Caucasian; Scandinavian; Slavic; Jewish; Muslim; Christian;
Catholic; Protestant; Buddhist; Hindu; Sikh; Mormon; Orthodox; Lutheran; Baptist; Methodist; Evangelical;
Republican; Democrat; Liberal; Conservative; Socialist; Communist; Bruneian; Chechen; Tatar; Catalan; Basque;
Breton; Cornish; Flemish; Walloon; Bavarian; Sicilian; Sardinian; Corsican; Moldovan; Belarusian; Montenegrin;
Kosovar; Turkmen; Kyrgyz; Tajik; Uyghur; Sinhalese; Tamil; Punjabi; Bengali; Gujarati; Maldivian; Omani; Bahraini;
Berber; Zulu; Xhosa; Hausa; Yoruba; Igbo; Gambian; Guinean; Liberian; Togolese; Beninese; Burkinabe; Chadian;
Gabonese; Eritrean; Djiboutian; Burundian; Malawian; Mozambican; Botswanan; Basotho; Swazi; Malagasy; Mauritian;
Seychellois; Comorian; Papuan; Tuvaluan; Palauan; Nauruan; Greenlandic; Faroese; Belizean; Costa-Rican; Surinamese;
Guyanese; Grenadian; Antiguan; Aruban; Puerto-Rican; Quaker; Amish; Shia; Sunni; Ismaili; Bahai; Jain; Shinto;
Taoist; Atheist; Agnostic; Anglican; Presbyterian; Pentecostal; Adventist; Calvinist; Zionist; Marxist; Labour; Tory
""")

# forms of address
PREFIXES = _of("""
Mr.; Mrs.; Ms.; Miss; Dr.; Prof.; Mr; Mrs; Ms; Dr; Sir; Lady; Madam; Professor; Herr
""")

WEEKDAYS = _of("""
Monday; Tuesday; Wednesday; Thursday; Friday; Saturday; Sunday
""")

MONTHS = _of("""
January; February; March; April; May; June; July; August; September; October; November; December
""")

STREETS = _of("""
Street; St; St.; Avenue; Ave; Ave.; Road; Rd; Rd.; Lane; Ln; Drive; Dr; Dr.; Boulevard; Blvd; Way; Court; Ct; Place;
Pl; Square; Terrace; Close; Crescent; Parade; Highway; Hwy; Parkway; Trail; Circle; Alley; Row; Walk; Mews; Gardens;
Loop; Run
""")

# joined to a name, or after it
LOCAL_STREETS = _of("""
straße; strasse; str.; weg; gasse; platz; allee; gatan; vägen; gata; vei; veien; gade; vej; katu; tie; utca; u.; út;
laan; straat; weg; plein; ulica; ulice; tänav; iela; gatvė; brekka; stræti
""")

# before a name
BEFORE_STREETS = _of("""
Rue; Avenue; Boulevard; Via; Viale; Piazza; Calle; C/; Avenida; Av.; Rua; Travessa; Plaza; Carrera; ul.; ulica; Rua
da; Rue de la; Rue du; Chemin de; Paseo; Camino; Strada; Corso; Largo; Praça; Jalan; Ul.; Al.; Place de; Rue des;
Cours; Quai; Via dei; Vicolo; Esplanada; Bulevar; Trg; Nábřeží; Calçada; Ronda; Urb.
""")

# what trades are named by, after what they work on
TRADES = _of("""
worker; operator; technician; manager; specialist; clerk; assistant; attendant; driver; installer; cleaner;
repairer; inspector; engineer; analyst; supervisor; director; coordinator; consultant; officer; agent; teacher;
instructor; nurse; therapist; designer; developer; administrator; representative; advisor; planner; maker; setter;
tender; helper; guard; examiner; mechanic; cutter; builder; fitter; painter; librarian; counselor; trainer; buyer;
seller; writer; editor; scientist; researcher; surveyor; handler; loader; baker; cook; cashier
""")

# firms that everybody knows, so that some are names and no patterns
KNOWN_FIRMS = _of("""
Google; Amazon; Microsoft; Apple; IBM; Intel; Oracle; SAP; Siemens; Bosch; BMW; Volkswagen; Toyota; Honda; Sony;
Samsung; LG; Nokia; Ericsson; Philips; Shell; BP; Exxon; Total; Nestlé; Unilever; Danone; Pfizer; Novartis; Bayer;
Roche; Adidas; Nike; Puma; IKEA; H&M; Zara; Walmart; Tesco; Carrefour; Aldi; Lidl; FedEx; UPS; DHL; Visa;
Mastercard; PayPal; Stripe; Netflix; Spotify; Uber; Airbnb; Facebook; Twitter; LinkedIn; Salesforce; Adobe; Cisco;
Dell; HP; Xerox; Boeing; Airbus; Lufthansa; Ryanair; KLM; Emirates; Barclays; HSBC; Citibank; Santander; UBS;
Allianz; AXA; Zurich; Accenture; Deloitte; KPMG; Gartner; McKinsey; NASA; UNESCO; UNICEF; WHO; Greenpeace; Reuters;
BBC; CNN; Bloomberg
""")

FIRM_WORDS = _of("""
Systems; Solutions; Group; Partners; Holdings; Industries; Technologies; Labs; Media; Studios; Consulting; Bank;
Capital; Insurance; Financial; Health; Foods; Motors; Airlines; Energy; Software; Networks; Design; Logistics;
Foundation; Institute; University; College; School; Hospital; Council; Association; Society; Trust; Services;
International; Analytics; Data; Research; Investments; Ventures; Records; Press; Pharma; Electric; Telecom; Realty;
Properties; Brothers; Associates; Works; Interactive; Digital; Global; Credit; Mutual; Savings; Journal; Express;
Mart; Market; Store; Outlet; Clinic; Theatre; Orchestra; Museum; Library; Union; Federation; Authority; Agency;
Ministry
""")

# of which names of firms are coined, with TAILS
ROOTS = _of("""
health; med; care; data; cloud; net; web; info; smart; quick; fast; bright; blue; red; green; open; free; true;
clear; core; logic; lend; loan; credit; fund; cap; coin; bank; pay; tax; home; house; rent; estate; land; farm;
food; agri; eco; solar; wind; energy; power; bio; gen; life; pharma; nano; quant; metric; scope; vision; view;
sight; spark; flux; wave; pulse; link; bridge; port; gate; way; path; map; geo; terra; aqua; star; sky; moon; sun;
nova; zen; vita; pro; max; prime; alpha; omni; uni; pan; inter; trans; meta; hyper; micro; macro; tele; digi; cyber;
robo; auto; drive; car; trip; travel; job; work; hire; talent; team; crowd; social; chat; talk; voice; word; book;
read; learn; edu; class; teach; kid; pet; play; game; sport; fit; run; bike; climate; weather; fish; wood; stone;
iron; steel; gold; silver; pocket; basket; wagon; rocket; engine; lab; forge; factory; hub; spot; zone; point; base;
field; yard; law; legal; law; safe; secure; lock; guard; shield; trust; verify; audit; check; scan; track; trace;
spy; seek; find; search; query; answer; think; mind; brain; idea
""")

TAILS = _of("""
ly; ify; io; ia; ix; ex; on; us; is; er; a; o; ster; able; soft; tech; ware; dot; scape; ology; istic; eon; ent;
ora; ium; elo; exa; ion
""")

# what lines of lists begin with
BULLETS = _of("""
-; *; •; >; |; --; ??; ???; 1.; #; o; +; ...; =>
""")

# that begin a sentence or a name, and are names elsewhere
NAME_WORDS = _of("""
Mark; Bill; Grant; Hope; Grace; May; Will; Rose; Frank; Chase; Drew; Pat; Rich; Sandy; Summer; April; June; August;
Faith; Joy; Art; Dean; Miles; Robin; Dawn; Ray; Gene; Jack; Josh; Penny; Ruby; Crystal; Amber; Olive; Ginger; Basil;
Iris; Lily; Daisy; Victoria; Georgia; Paris; Berlin; Turkey; China; Jordan; Chad; Reading; Bath; Nice; Mobile; Cork;
Chance; Sterling; Harmony; Melody; Autumn; Sky; Angel; Star; Cookie; Carol; Eve; Ivy; Heather; Holly; Hazel; Violet;
Christian; Guy; Norm; Nick; Rob; Sue; Wade; Skip; Trip; Lance; Major; Earl; Duke; King; Prince; Baker; Cook; Mason
""")

# what is named after those who found it
SCIENCES = _of("""
theorem; lemma; conjecture; inequality; equation; law; principle; rule; paradox; hypothesis; model; test; method;
algorithm; distribution; process; chain; network; filter; transform; series; index; coefficient; curve; number;
constant; effect; scale; diagram; matrix; inverse; optimiser; optimizer; sort; search; tree; cipher; code; machine;
statistic; estimator; sampling; simulation; integral; space; group; field; kernel; function; expansion; polynomial;
disease; syndrome; reflex; cell; cycle; engine; telescope; unit; sauce; salad; cake; knife; dog; cat; prize; medal
""")
