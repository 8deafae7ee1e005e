import './features/lesson/teach.css';

document.getElementById('print')!.addEventListener('click', () => print());
