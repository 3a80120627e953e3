//! Writes a file as the `multipart/form-data` that the media endpoint takes. [`super::client`] sends it.
//!
//! By hand, since it is three parts and one is the only user.

use super::MediaFile;
use bytes::Bytes;

/// How long an upload may take: the largest document on a slow line.
pub(super) const PATIENCE: std::time::Duration = std::time::Duration::from_mins(10);

/// The body and its content type. `seed`: any number; the boundary follows from it.
pub(super) fn form(file: &MediaFile, mut seed: u64) -> (Bytes, String) {
    let boundary = loop {
        let boundary = format!("wacast-{seed:016x}");
        // In all likelihood the first one: a boundary must not stand in the file.
        if !file.bytes.windows(boundary.len()).any(|window| window == boundary.as_bytes()) {
            break boundary;
        }
        seed = seed.wrapping_add(1);
    };
    // What would end the quoted name or the line is not part of any name that is worth keeping.
    let name: String =
        file.name.chars().filter(|letter| !letter.is_control() && !matches!(letter, '"' | '\\')).collect();
    let mut body = Vec::with_capacity(file.bytes.len() + 512);
    for (field, value) in [("messaging_product", "whatsapp"), ("type", file.mime)] {
        let part = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    let part = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\nContent-Type: {}\r\n\r\n",
        file.mime
    );
    body.extend_from_slice(part.as_bytes());
    body.extend_from_slice(&file.bytes);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    (body.into(), format!("multipart/form-data; boundary={boundary}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boundary_is_not_in_the_file() {
        let file = MediaFile {
            name: "a\"\r\n.pdf".into(),
            mime: "application/pdf",
            bytes: Bytes::from(format!("x wacast-{:016x} y", 7)),
        };
        let (body, kind) = form(&file, 7);
        assert_eq!(kind, format!("multipart/form-data; boundary=wacast-{:016x}", 8));
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(text.contains("filename=\"a.pdf\"\r\nContent-Type: application/pdf\r\n\r\nx wacast-"), "{text}");
        assert!(
            text.ends_with("-0000000000000008--\r\n") || text.ends_with(&format!("wacast-{:016x}--\r\n", 8)),
            "{text}"
        );
    }
}
