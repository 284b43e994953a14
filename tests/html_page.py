"""What a browser makes of a page, for tests of pages."""

from html.parser import HTMLParser

PAIRED = ("section", "table", "figure", "main", "svg", "div", "details")


class Page(HTMLParser):
    """All tags and the names of attributes, what is loaded, ids, titles and text, and paired tags that are open."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.loads, self.ids, self.titles, self.open = ([] for _ in range(6))
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attributes]
        self.ids += [value for name, value in attributes if name == "id"]
        self.loads += [value for name, value in attributes if name in ("src", "href", "xlink:href")]
        self.open += [tag] * (tag in PAIRED)

    def handle_endtag(self, tag):
        assert tag not in PAIRED or self.open.pop() == tag

    def handle_data(self, data):
        self.words += data
        self.titles += [data] * (self.tags[-1:] in (["title"], ["h1"]) and bool(data.strip()))
