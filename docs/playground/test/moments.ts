/** Moments of the playground, as links, whose copied code the tests run. */

export const MOMENTS: Record<string, string> = {
  default: "steps=100",
  start: "data=moons",
  batches_and_dropout: "batch=32&dropout=0.2&steps=75&activation=relu&seed=5&share=0.7",
  drawn:
    "data=drawn&drawn=0.5_0.5_1,-0.5_-0.5_1,0.5_-0.5_0,-0.5_0.5_0,0.2_0.7_1,-0.3_-0.6_1,0.6_-0.2_0,-0.9_0.4_0&hidden=4&steps=60",
  drawn_numbers:
    "data=drawn_numbers&drawn=0.5_0.5_1,-0.5_-0.5_0.7,0.5_-0.5_-0.4,-0.5_0.5_-1,0.2_0.7_0.9,-0.3_-0.6_0.25,0.6_-0.2_0,-0.9_0.4_-0.8&loss=huber_loss&hidden=4&steps=60",
  classes: "data=blobs&noise=2&loss=cross_entropy&hidden=4&optimizer=momentum&rate=0.03&steps=50",
  numbers:
    "data=sine_regression&loss=huber_loss&features=x.xx.sinx&l1=0.001&l2=0.001&hidden=6&steps=80",
  features:
    "data=spirals&noise=0.05&features=x.y.xx.yy.xy.sinx.siny&hidden=&loss=mse_loss&optimizer=rmsprop&rate=0.01&steps=64",
  weights: "hidden=2&start=1,-0.5,0.25,2,0.1,-0.1,1.5,-1.5,0.3&optimizer=sgd&rate=0.3&steps=20",
};
