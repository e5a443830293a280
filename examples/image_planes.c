// SPDX-License-Identifier: MIT
// The bit planes of a picture: 64 x 32 grey pixels are 2048 records of 8 bits, 4 blocks of 8
// planes. Plane 7 says where the picture is light, plane 0 looks like noise. The way back loses
// nothing.

#include <bitloom/bits.h>

#include <stdio.h>
#include <string.h>

enum { WIDTH = 64, HEIGHT = 32, N_PIXELS = WIDTH * HEIGHT, N_BLOCKS = N_PIXELS / BL_LANES };

// A lit ball on a dark ground that grows lighter downwards.
static uint8_t pixel(int x, int y)
{
    int dx = x - 32, dy = 2 * (y - 16), r2 = dx * dx + dy * dy; // pixels are twice as high as wide
    if (r2 > 28 * 28)
        return (uint8_t)(20 + 2 * y);
    int light = 235 - ((dx + 10) * (dx + 10) + (dy + 10) * (dy + 10)) / 9;
    return (uint8_t)(light < 30 ? 30 : light);
}

int main(void)
{
    static uint8_t image[N_PIXELS], back[N_PIXELS];
    static bl_plane planes[N_BLOCKS][8];
    for (int i = 0; i < N_PIXELS; i++)
        image[i] = pixel(i % WIDTH, i / WIDTH);

    bl_slice(bl_bits_best(), planes[0], image, 1, N_PIXELS, 8);
    for (size_t y = 0; y < HEIGHT; y += 2) { // every second line of planes 7, 5 and 0
        static const int shown[] = {7, 5, 0};
        for (size_t k = 0; k < 3; k++) {
            for (size_t x = 0; x < WIDTH; x += 2) {
                size_t i = y * WIDTH + x;
                putchar(bl_lane_get(&planes[i / BL_LANES][shown[k]], i % BL_LANES) ? '#' : '.');
            }
            putchar(k < 2 ? ' ' : '\n');
        }
    }
    bl_unslice(bl_bits_best(), back, 1, planes[0], N_PIXELS, 8);
    return memcmp(image, back, sizeof image) != 0;
}
