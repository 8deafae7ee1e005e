//! The addresses of this machine on its local network, and an address as a QR code.

use crate::exec::Result;
use if_addrs::{IfAddr, Interface};
use qrcode::render::unicode::Dense1x2;
use qrcode::{EcLevel, QrCode};
use std::net::Ipv4Addr;

/// The IPv4 addresses at which other machines of the room probably reach this one, the most likely first.
pub fn addresses() -> Result<Vec<Ipv4Addr>> {
    let interfaces = if_addrs::get_if_addrs()
        .map_err(|error| format!("cannot list the network interfaces of this machine: {error}"))?;
    let found = likely(&interfaces);
    if found.is_empty() {
        return Err("this machine is in no network: connect it to one, or let it open a hotspot".into());
    }
    Ok(found)
}

/// Networks of containers and of virtual machines end at this machine.
const VIRTUAL: [&str; 6] = ["docker", "br-", "veth", "virbr", "vmnet", "vboxnet"];

fn likely(interfaces: &[Interface]) -> Vec<Ipv4Addr> {
    let mut found: Vec<Ipv4Addr> = interfaces
        .iter()
        .filter(|interface| !VIRTUAL.iter().any(|prefix| interface.name.starts_with(prefix)))
        .filter_map(|interface| match &interface.addr {
            IfAddr::V4(addr) if !addr.ip.is_loopback() => Some(addr.ip),
            _ => None,
        })
        .collect();
    // A router gives private addresses. Link-local ones are what a machine takes that found none.
    found.sort_by_key(|ip| (ip.is_link_local(), !ip.is_private()));
    found
}

/// A QR code as lines of block characters; two rows of modules are one line. The border of light modules that readers
/// need is included.
pub fn qr(text: &str) -> Result<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::M)
        .map_err(|error| format!("cannot make a QR code: {error}"))?;
    Ok(code.render::<Dense1x2>().build())
}

/// Black on white, in a terminal of any colours.
pub fn coloured(qr: &str) -> String {
    qr.lines().map(|line| format!("\x1b[30;107m{line}\x1b[0m\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use if_addrs::{IfOperStatus, Ifv4Addr, Ifv6Addr};
    use rqrr::PreparedImage;
    use std::net::Ipv6Addr;

    fn interface(name: &str, addr: IfAddr) -> Interface {
        Interface { name: name.into(), addr, index: None, oper_status: IfOperStatus::Up, is_p2p: false }
    }

    fn v4(name: &str, ip: [u8; 4]) -> Interface {
        let netmask = Ipv4Addr::new(255, 255, 255, 0);
        interface(name, IfAddr::V4(Ifv4Addr { ip: ip.into(), netmask, prefixlen: 24, broadcast: None }))
    }

    #[test]
    fn the_address_of_the_room_comes_first() {
        let netmask = Ipv6Addr::UNSPECIFIED;
        let v6 = IfAddr::V6(Ifv6Addr { ip: "fd00::1".parse().unwrap(), netmask, prefixlen: 64, broadcast: None });
        let interfaces = [
            v4("lo", [127, 0, 0, 1]),
            v4("docker0", [172, 17, 0, 1]),
            v4("eth1", [169, 254, 3, 4]),
            v4("eth0", [203, 0, 113, 9]),
            interface("wlan0", v6),
            v4("wlan0", [192, 168, 4, 20]),
        ];
        let expected = [[192, 168, 4, 20], [203, 0, 113, 9], [169, 254, 3, 4]].map(Ipv4Addr::from);
        assert_eq!(likely(&interfaces), expected);
        assert!(likely(&interfaces[..2]).is_empty());
    }

    /// The modules of the drawing, four pixels each, as a camera sees them.
    fn read(qr: &str) -> String {
        let dark = |line: &str| -> [Vec<bool>; 2] {
            ["█▀", "█▄"].map(|halves| line.chars().map(|char| halves.contains(char)).collect())
        };
        let rows: Vec<Vec<bool>> = qr.lines().flat_map(dark).collect();
        let (width, height) = (rows[0].len() * 4, rows.len() * 4);
        let mut image = PreparedImage::prepare_from_bitmap(width, height, |x, y| rows[y / 4][x / 4]);
        image.detect_grids()[0].decode().unwrap().1
    }

    #[test]
    fn the_code_reads_as_the_address() {
        for address in ["http://192.168.4.20:4173/", "http://10.0.0.1:65535/"] {
            assert_eq!(read(&qr(address).unwrap()), address);
        }
    }

    #[test]
    fn a_text_that_is_too_long_for_a_code_is_an_error() {
        assert!(qr(&"x".repeat(5000)).unwrap_err().starts_with("cannot make a QR code"));
    }
}
