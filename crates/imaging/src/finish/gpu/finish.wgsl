// The card's path. `cpu.rs` is the same arithmetic in the same order: change both or neither.
//
// Three passes over one band of output rows: `widen` resamples the source rows the band needs to the output's width, `heighten` makes the
// band's rows and one more on either side of them, `complete` sharpens, draws the mark and rounds to bytes. Pixels are four floats,
// because three would not be aligned.

struct Band {
    source_width: u32,
    width: u32,
    height: u32,
    // Source rows in `source` and `wide`: the first of them, and how many.
    source_start: u32,
    source_rows: u32,
    // Output rows in `tall`.
    tall_start: u32,
    tall_rows: u32,
    // Output rows in `pixels`.
    start: u32,
    rows: u32,
    // Input pixels of an output pixel.
    across_taps: u32,
    down_taps: u32,
    // The mark's place and size; nothing is drawn where it is 0 wide.
    mark_x: u32,
    mark_y: u32,
    mark_width: u32,
    mark_height: u32,
    // The sharpener's weight where contrast is low; 0 does not sharpen.
    weight: f32,
}

@group(0) @binding(0) var<uniform> band: Band;
// Bytes, three a pixel.
@group(0) @binding(1) var<storage, read> source: array<u32>;
// Where each column's and each row's taps begin, then the weights of the columns and of the rows.
@group(0) @binding(2) var<storage, read> axes: array<u32>;
@group(0) @binding(3) var<storage, read_write> wide: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> tall: array<vec4f>;
// Bytes, four a pixel, colours multiplied by the opacity.
@group(0) @binding(5) var<storage, read> mark: array<u32>;
// Bytes, four a pixel, the fourth unused.
@group(0) @binding(6) var<storage, read_write> pixels: array<u32>;

fn source_byte(at: u32) -> f32 {
    return f32((source[at / 4u] >> (8u * (at % 4u))) & 255u) / 255.0;
}

@compute @workgroup_size(64)
fn widen(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= band.width || id.y >= band.source_rows) { return; }
    let first = axes[id.x];
    let weights = band.width + band.height + id.x * band.across_taps;
    var sum = vec4f();
    for (var tap = 0u; tap < band.across_taps; tap++) {
        let at = 3u * (id.y * band.source_width + first + tap);
        let pixel = vec4f(source_byte(at), source_byte(at + 1u), source_byte(at + 2u), 0.0);
        sum += pixel * bitcast<f32>(axes[weights + tap]);
    }
    wide[id.y * band.width + id.x] = sum;
}

@compute @workgroup_size(64)
fn heighten(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= band.width || id.y >= band.tall_rows) { return; }
    let y = band.tall_start + id.y;
    let first = axes[band.width + y] - band.source_start;
    let weights = band.width + band.height + band.width * band.across_taps + y * band.down_taps;
    var sum = vec4f();
    for (var tap = 0u; tap < band.down_taps; tap++) {
        sum += wide[(first + tap) * band.width + id.x] * bitcast<f32>(axes[weights + tap]);
    }
    tall[id.y * band.width + id.x] = clamp(sum, vec4f(0.0), vec4f(1.0));
}

fn lightness(pixel: vec4f) -> f32 {
    return pixel.x * 0.299 + pixel.y * 0.587 + pixel.z * 0.114;
}

// Contrast-adaptive sharpening; see `sharpen` in `cpu.rs`.
fn sharpened(x: u32, y: u32) -> vec4f {
    let columns = array(select(x - 1u, 0u, x == 0u), x, min(x + 1u, band.width - 1u));
    let rows = array(select(y - 1u, 0u, y == 0u), y, min(y + 1u, band.height - 1u));
    var nine = array<vec4f, 9>();
    var darkest = 1e9;
    var lightest = 0.0;
    for (var i = 0u; i < 9u; i++) {
        nine[i] = tall[(rows[i / 3u] - band.tall_start) * band.width + columns[i % 3u]];
        let light = lightness(nine[i]);
        darkest = min(darkest, light);
        lightest = max(lightest, light);
    }
    let room = max(min(darkest, 1.0 - lightest), 0.0) / max(lightest, 1.17549435e-38);
    let weight = band.weight * sqrt(min(room, 1.0));
    let around = nine[1] + nine[7] + nine[3] + nine[5];
    return clamp((nine[4] + around * weight) / (1.0 + 4.0 * weight), vec4f(0.0), vec4f(1.0));
}

@compute @workgroup_size(64)
fn complete(@builtin(global_invocation_id) id: vec3u) {
    if (id.x >= band.width || id.y >= band.rows) { return; }
    let y = band.start + id.y;
    var pixel: vec4f;
    if (band.weight == 0.0) {
        pixel = tall[(y - band.tall_start) * band.width + id.x];
    } else {
        pixel = sharpened(id.x, y);
    }
    // Wraps around, and is too large then, where the mark has not begun yet.
    let mark_at = vec2u(id.x - band.mark_x, y - band.mark_y);
    if (mark_at.x < band.mark_width && mark_at.y < band.mark_height) {
        let word = mark[mark_at.y * band.mark_width + mark_at.x];
        let over = vec4f(vec4u(word, word >> 8u, word >> 16u, word >> 24u) & vec4u(255u)) / 255.0;
        pixel = pixel * (1.0 - over.w) + over;
    }
    let bytes = vec4u(pixel * 255.0 + 0.5);
    pixels[id.y * band.width + id.x] = bytes.x | (bytes.y << 8u) | (bytes.z << 16u);
}
