"""The page in a real headless browser, as wide as a phone and a desktop."""

import shutil

import pytest

sync_api = pytest.importorskip(
    'playwright.sync_api', reason='needs pip install playwright'
)
_NAMES = ('chromium', 'chromium-browser', 'google-chrome', 'chrome')


@pytest.fixture(scope='module')
def browser():
    path = next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        pytest.skip('needs Chromium on the PATH (apt-get install chromium)')
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=path, args=['--no-sandbox']
        )
        yield chromium
        chromium.close()


@pytest.fixture(params=[375, 1280])
def page(request, browser, report):
    view = browser.new_page(viewport=dict(width=request.param, height=800))
    view.requests = []
    view.on('request', lambda asked: view.requests.append(asked.url))
    view.goto(report.as_uri())
    yield view
    view.close()


def test_it_does_not_scroll_sideways(page):
    width = page.evaluate('document.documentElement.scrollWidth')
    assert width == page.viewport_size['width']


def test_all_images_are_loaded_and_fit(page):
    images = page.evaluate(
        '[...document.images].map(i => [i.complete, i.naturalWidth, '
        'i.getBoundingClientRect().right])'
    )
    assert len(images) >= 6
    for complete, natural, right in images:
        assert complete and natural > 100
        assert right <= page.viewport_size['width']


def test_a_phone_shows_pictures_343_pixels_wide(page):
    """As the size of the text in them assumes."""
    if page.viewport_size['width'] > 400:
        pytest.skip('a desktop shows them at their own width')
    widths = page.evaluate(
        '[...document.images].map(i => i.getBoundingClientRect().width)'
    )
    assert set(widths) == {343}


def test_text_is_dark_on_white_and_large_enough(page):
    style = page.evaluate(
        "(() => {const s = getComputedStyle(document.querySelector('p'));"
        'const b = getComputedStyle(document.body);'
        'return [s.color, b.backgroundColor, parseFloat(s.fontSize)]})()'
    )
    text = [int(x) for x in style[0][4:-1].split(',')]
    assert max(text) < 90
    assert style[1] == 'rgb(255, 255, 255)'
    assert style[2] >= 16


def test_nothing_is_fetched_from_elsewhere(page):
    assert all(u.startswith(('file:', 'data:')) for u in page.requests)


def test_desktop_places_pictures_side_by_side(page):
    tops = page.evaluate(
        "[...document.querySelector('.pictures').children]"
        '.slice(0, 2).map(f => f.getBoundingClientRect().top)'
    )
    side_by_side = tops[0] == tops[1]
    assert side_by_side == (page.viewport_size['width'] == 1280)


def test_a_picture_without_one_beside_it_stands_in_the_middle(page):
    """The third of three, whose half of a desktop's row would be empty."""
    middles = page.evaluate(
        "[...document.querySelectorAll('.pictures')].filter(p => "
        'p.children.length % 2).map(p => [p, p.lastChild.firstChild].map('
        'e => {const r = e.getBoundingClientRect(); '
        'return (r.left + r.right) / 2}))'
    )
    assert middles
    for grid, picture in middles:
        assert abs(grid - picture) < 1
