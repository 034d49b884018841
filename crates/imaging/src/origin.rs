//! The mark that says a machine drew a picture: an XMP packet with the IPTC's word for it, which programs and platforms look for. It says
//! nothing of who asked for what, so it stays in what others get.
//!
//! The packet is always the same, so that the same picture is the same file.

use img_parts::{
    Bytes, ImageEXIF,
    jpeg::{Jpeg, JpegSegment, markers},
    png::{Png, PngChunk},
    riff::{RiffChunk, RiffContent},
    webp::WebP,
};

use crate::{Format, ImagingError};

/// IPTC Photo Metadata 2021.1: "created using generative AI".
const PACKET: &str = concat!(
    "<?xpacket begin=\"\u{feff}\" id=\"W5M0MpCehiHzreSzNTczkc9d\"?><x:xmpmeta xmlns:x=\"adobe:ns:meta/\">",
    "<rdf:RDF xmlns:rdf=\"http://www.w3.org/1999/02/22-rdf-syntax-ns#\"><rdf:Description rdf:about=\"\" ",
    "xmlns:Iptc4xmpExt=\"http://iptc.org/std/Iptc4xmpExt/2008-02-29/\" ",
    "Iptc4xmpExt:DigitalSourceType=\"http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia\"/>",
    "</rdf:RDF></x:xmpmeta><?xpacket end=\"r\"?>"
);
/// What XMP is called in a text chunk of PNG: keyword, not compressed, no language, no translation.
const PNG_NAME: &[u8] = b"XML:com.adobe.xmp\0\0\0\0\0";
/// What it is called in a segment of JPEG.
const JPEG_NAME: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";
const ITXT: [u8; 4] = *b"iTXt";
const XMP: [u8; 4] = *b"XMP ";
const EXIF: [u8; 4] = *b"EXIF";
const VP8X: [u8; 4] = *b"VP8X";
/// In the first byte of `VP8X`: there is XMP.
const HAS_XMP: u8 = 0x04;

/// The file with the mark; its pixels and what else is written in it stay as they are.
pub fn made_by_ai(file: Vec<u8>) -> Result<Vec<u8>, ImagingError> {
    let format = Format::sniff(&file).ok_or(ImagingError::UnknownFormat)?;
    let file = Bytes::from(file);
    let bytes = match format {
        Format::Png => {
            let mut png = Png::from_bytes(file).map_err(|_| ImagingError::Unreadable)?;
            let chunks = png.chunks_mut();
            chunks.retain(|chunk| !(chunk.kind() == ITXT && chunk.contents().starts_with(PNG_NAME)));
            // Behind the header, which is always the first.
            chunks.insert(chunks.len().min(1), PngChunk::new(ITXT, named(PNG_NAME)));
            png.encoder().bytes()
        }
        Format::Jpeg => {
            let mut jpeg = Jpeg::from_bytes(file).map_err(|_| ImagingError::Unreadable)?;
            let segments = jpeg.segments_mut();
            segments.retain(|segment| !(segment.marker() == markers::APP1 && segment.contents().starts_with(JPEG_NAME)));
            let behind = |segment: &JpegSegment| !matches!(segment.marker(), markers::APP0 | markers::APP1);
            let place = segments.iter().position(behind).unwrap_or(0);
            segments.insert(place, JpegSegment::new_with_contents(markers::APP1, named(JPEG_NAME)));
            jpeg.encoder().bytes()
        }
        Format::Webp => webp(file)?,
    };
    Ok(bytes.to_vec())
}

fn webp(file: Bytes) -> Result<Bytes, ImagingError> {
    let mut webp = WebP::from_bytes(file).map_err(|_| ImagingError::Unreadable)?;
    webp.remove_chunks_by_id(XMP);
    webp.chunks_mut().push(RiffChunk::new(XMP, RiffContent::Data(Bytes::from_static(PACKET.as_bytes()))));
    // Setting what is there makes the container the extended one, which has room for it.
    let exif = webp.chunk_by_id(EXIF).and_then(|chunk| chunk.content().data()).cloned();
    webp.set_exif(exif);
    // XMP comes last.
    webp.chunks_mut().sort_by_key(|chunk| chunk.id() == XMP);
    let header = webp.chunks_mut().iter_mut().find(|chunk| chunk.id() == VP8X).map(RiffChunk::content_mut);
    if let Some(RiffContent::Data(data)) = header {
        let mut changed = data.to_vec();
        if let Some(flags) = changed.first_mut() {
            *flags |= HAS_XMP;
        }
        *data = changed.into();
    }
    Ok(webp.encoder().bytes())
}

fn named(name: &[u8]) -> Bytes {
    [name, PACKET.as_bytes()].concat().into()
}

/// Whether a text chunk of PNG is the mark.
pub(crate) fn is_png_mark(kind: [u8; 4], contents: &[u8]) -> bool {
    kind == ITXT && contents.strip_prefix(PNG_NAME) == Some(PACKET.as_bytes())
}

/// Whether a segment of JPEG is the mark.
pub(crate) fn is_jpeg_mark(marker: u8, contents: &[u8]) -> bool {
    marker == markers::APP1 && contents.strip_prefix(JPEG_NAME) == Some(PACKET.as_bytes())
}

/// Whether a chunk of WebP is the mark.
pub(crate) fn is_webp_mark(chunk: &RiffChunk) -> bool {
    chunk.id() == XMP && chunk.content().data().is_some_and(|data| &data[..] == PACKET.as_bytes())
}
