// Says what to do if the page's own script does not start. It is a classic script, which loads from files and from servers with wrong types.
(function () {
  function show(name) {
    var page = document.getElementById('page');
    // The page has started and has replaced the sentences.
    if (!page.querySelector('.waiting')) return;
    page.querySelectorAll('[data-when]').forEach(function (one) {
      one.hidden = one.getAttribute('data-when') !== name;
    });
  }
  // The page as one file has no such sentence: it runs from a file.
  if (location.protocol === 'file:' && document.querySelector('[data-when=file]')) return show('file');
  addEventListener('error', function (event) {
    if (event.target && event.target.tagName === 'SCRIPT') show('script');
  }, true);
  setTimeout(function () {
    if (document.querySelector('[data-when=loading]:not([hidden])')) show('slow');
  }, 4000);
})();
