"""Words that mean the same thing when two reports are compared: devices and symptoms.

A family is one kind of device or one kind of symptom with the ways people write it, common
mishearings of voice input among them. A word of two families is a kind of both: 吊灯 is a lamp,
but no 射灯. What is not listed has no family and is never a reason for
or against anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

_DEVICES = """
button       按钮 按键 面板 呼梯
elevator     电梯 客梯 直梯 号梯 轿厢 点题 电题
goods_lift   货梯 餐梯 传菜梯
escalator    扶梯 自动人行道
remote       遥控器
aircon       空调 室内机 室外机 外机 内机 柜机 挂机 风管机 多联机 空掉 中央空调 盘管
chiller      冷水机组 冷水机 主机房 冷却塔
heating      暖气 地暖 暖气片 壁挂炉
fresh_air    新风 排风 排气扇 换气扇
water_heater 热水器 小厨宝
toilet       马桶 坐便 蹲坑 小便池 小便斗
drain        下水道 下水管 地漏 下水 污水 排水沟 雨水井 化粪池
basin        水龙头 龙头 洗手池 洗手盆 水槽 洗菜池 台盆
shower       花洒 淋浴
pipe         水管 主管 管道 立管 软管
sprinkler    喷淋
street_lamp  路灯
spot_lamp    射灯 筒灯
hanging_lamp 吊灯
escape_lamp  应急灯 指示灯
lamp         路灯 射灯 筒灯 吊灯 应急灯 日光灯 感应灯 照明 灯管 灯泡 灯带 灯
socket       插座 插排 插头
breaker      空开 漏保 配电箱 配电柜 电箱 电闸 总闸
transformer  变压器
ups          UPS 不间断电源
charger      充电桩 充电枪 充电车位 充电站 充电 桩 枪
camera       监控 摄像头 摄像机 探头 录像机
face_gate    单元门 刷脸 人脸识别 人脸 门禁机 门禁 闸机
barrier      道闸 抬杆 栏杆 车牌识别
intercom     对讲
lock         门锁 智能锁 锁芯 密码锁 指纹锁
window       窗户 窗 玻璃
door         防火门 玻璃门 木门 卷帘门 自动门 旋转门 感应门
printer      打印机 复印机 一体机
receipt      小票机 小票打印机 小票 热敏
pos          POS 刷卡机 扫码枪 收银机
paybox       缴费机
cash_drawer  钱箱
computer     电脑 主机 台式机 笔记本
monitor      显示器 屏幕 显示屏 叫号屏 广告屏
keyboard     键盘 鼠标
scanner      扫描仪
speaker      音响 话筒 麦克风 广播
projector    投影仪 投影
network      WIFI 无线网 无线 网络 宽带 交换机 路由器 光猫 断网 没网 网线 网
vpn          VPN
phone_line   座机 电话线 分机
erp          ERP
oa           OA
mail         邮箱 邮件
membership   会员
mini_app     小程序
invoice      发票 开票 税控
attendance   考勤机 打卡机 考勤 打卡
fridge       冰柜 冰箱 冷柜 展示柜
cold_store   冷库
ice_maker    制冰机 没冰 不出冰
steamer      蒸箱 蒸柜
oven         烤箱
dishwasher   洗碗机
hood         油烟机 排烟罩
stove        燃气灶 灶台 电磁炉
coffee       咖啡机
washer       洗衣机
television   电视
purifier     净水器 饮水机 直饮机
compressor   空压机
boiler       锅炉
press        冲床 压机 注塑机
cnc          数控 加工中心 车床 机床 主轴
robot        机器人 机械手 鸡器人
conveyor     传送带 输送线 皮带机
crane        行车 吊车 天车
forklift     叉车
agv          AGV
pump         水泵 泵
hydrant      消防栓 消火栓 灭火器
smoke        烟感 烟雾报警
tree         树枝 树
manhole      井盖
wall         外墙 墙砖 瓷砖 墙皮
ceiling      吊顶 天花板
floor_tile   地砖 地板
rubbish      垃圾
"""

_SYMPTOMS = """
too_warm     不冷 不制冷 不凉 还是热 太热 很热 热死 升温 化了 温度高 降不下来 只吹风 吹热风
too_cold     冷得 不热 不制热 冰凉 没热水 不出热水 太冷
leak         漏水 滴水 渗水 渗漏 冒水 喷水 爆管 爆了 淹 积水 跑水 水漫
no_water     不上水 不进水 水出不来 停水 没水 不出水 水压
blocked      下水慢 不排水 堵了 堵住 堵塞 堵死 又堵 桶堵 道堵 漏堵 管堵 池堵
blocked      不下水 下不去 冲不下去 返水 反水 溢出
shock        漏电 麻手 触电 电到 带电 电人
fire         黑烟 浓烟 冒火 火花 火星 冒烟 焦味 烧焦 烧了 着火 起火 糊味 烟味
gas          氨 煤气 燃气味 天然气 瓦斯 呛
no_power     停电 没电 断电 跳闸 黑灯
dark         不亮 灭了 灯坏 一闪 闪烁 频闪 亮不了
no_picture   没信号 无信号 没画面 无画面 无图像 黑屏 黑的 花屏 没图像 看不到画面 看不了
offline      网络中断 断网 没网 上不了网 掉线 离线 连不上 网断 无网络 无法上网
slow         慢 网速 卡死 很卡 卡顿 转圈
noise        声音特别大 声音很大 异响 噪音 响声 嗡嗡 吱吱 咔咔 声音大 很吵 太吵
trapped      困人 被困 困在 困住 出不来 关在里面 关人
stopped      停运 不动 不走 停了 停梯 停机 不运行 停线
no_start     不开机 开不了机 无法开机 启动不了 不启动
bluescreen   蓝屏
dirty_water  水发黄 水浑 黄水
stays_on     关不掉 关不了
no_battery   没电池 遥控器没电
door_fault   门关不上 关不上门 关不上 关不严 门不关
wont_open    进不去 打不开 开不了门 开不开
stuck        拔不下 拔不出 锁死 卡住 卡枪
not_read     刷脸没 识别不 刷码 扫码没 刷不上 识别不了 不识别 刷不了 扫不了 扫不上 刷不开 不认
jam          卡纸
not_printing 不出纸 打不出 不打印 不打 打印不
blank        白纸 空白 没字
charged      吞 多扣 扣费 扣款 重复扣 扣了钱
not_credited 没到账 不到账 未到账
zeroed       清零 归零 没了积分
garbled      乱码
login        登录 登不上 登不了 登陆 进不去系统
password     密码
sign_in      未签到 签到
no_ice       不出冰 没冰 不制冰
frost        结霜 结冰
no_spin      不脱水 不甩干
no_steam     不上汽 没蒸汽 不出汽
no_flame     打不着 点不着 不点火 自动熄火
no_wind      不出风 没风 风小
no_suction   不吸 吸力
no_charge    充不进 充不上 不充电 充不了
no_pay       付不了 支付失败 付款失败 收不了款 付不出
no_coupon    领不了 用不了券
crash        闪退 崩溃 死机
virus        勒索 中毒 病毒
no_sound     没声音 无声 没有声音
pests        老鼠 蟑螂 蛇 白蚁 马蜂
stays_open   一直开着 常开 关不住
keeps_going  停不下来 一直响 一直流 一直冲
no_fax       发不出 收不到
smell        臭 异味 味道大 怪味 霉味 有味
loose        脱落 掉下来 松动 要掉
broken       碎 裂
swinging     摇晃 倾斜
shaking      抖动 晃动 震动 下坠 急停 蹲底
overheated   过热 发烫 超温
no_upload    上传不了 上传失败 传不上
fallen       倒了 树倒 倒下
in_the_way   挡住 遮挡 占用
overweight   平层 不平层
"""


def _table(rows: str) -> tuple[re.Pattern[str], dict[str, frozenset[str]]]:
    """A pattern of all words, longest first, and the families of each."""
    families: dict[str, set[str]] = {}
    for family, *words in filter(None, map(str.split, rows.splitlines())):
        for word in words:
            families.setdefault(word, set()).add(family)
    longest_first = sorted(families, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, longest_first)))
    return pattern, {word: frozenset(found) for word, found in families.items()}


_DEVICE, _DEVICE_FAMILIES = _table(_DEVICES)
_SYMPTOM, _SYMPTOM_FAMILIES = _table(_SYMPTOMS)


@lru_cache(maxsize=4096)
def devices(text: str) -> frozenset[str]:
    """The families of the devices a folded text names."""
    return frozenset().union(*(_DEVICE_FAMILIES[word] for word in _DEVICE.findall(text)))


@lru_cache(maxsize=4096)
def symptoms(text: str) -> frozenset[str]:
    """The families of the symptoms a folded text names."""
    return frozenset().union(*(_SYMPTOM_FAMILIES[word] for word in _SYMPTOM.findall(text)))


def without_families(text: str) -> Iterator[str]:
    """What is left of a folded text between the words that have a family."""
    for piece in _DEVICE.split(text):
        yield from _SYMPTOM.split(piece)
