/** A page as it was before it heard of Cutpoint: onnxruntime-web, a picture in, an answer out. */
import * as ort from 'onnxruntime-web';

const canvas = document.querySelector('#line');
const context = canvas.getContext('2d', { willReadFrequently: true });

const session = await ort.InferenceSession.create('model.onnx');

const picture = await createImageBitmap(await (await fetch('picture.jpg')).blob());
context.drawImage(picture, 106, 26, 172, 60, 0, 0, 192, 48);
await look();

const button = document.querySelector('#turn');
button.disabled = false;
button.addEventListener('click', async () => {
  const turned = await createImageBitmap(canvas);
  context.setTransform(-1, 0, 0, -1, 192, 48);
  context.drawImage(turned, 0, 0);
  context.resetTransform();
  await look();
});

async function look() {
  const { data } = context.getImageData(0, 0, 192, 48);
  const x = new ort.Tensor('float32', planes(data), [1, 3, 48, 192]);
  const [output] = Object.values(await session.run({ x }));
  const [upright, turned] = output.data;
  const words = upright > turned ? 'Upright' : 'Upside down';
  document.querySelector('#answer').textContent =
    `${words}, ${Math.round(100 * Math.max(upright, turned))} % sure.`;
}

/** Red, green and blue one after the other, from -1 to 1. */
function planes(rgba) {
  const values = new Float32Array(3 * 48 * 192);
  for (let i = 0; i < values.length; i++) {
    const [channel, pixel] = [Math.floor(i / (48 * 192)), i % (48 * 192)];
    values[i] = rgba[pixel * 4 + channel] / 127.5 - 1;
  }
  return values;
}
